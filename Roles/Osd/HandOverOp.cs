namespace Fastblock.Roles.Osd;

/// <summary>Steps of a hand-over, leader to follower. Values are on the wire.</summary>
internal enum HandOverOp : byte
{
    None = 0,

    /// <summary>I hand over the state as of (index, term): mark your replica as incomplete.</summary>
    Begin = 1,

    /// <summary>Some of the sessions as of that index.</summary>
    Sessions = 2,

    /// <summary>The next part of the list of objects, in order: which of them do you want? What you have and the list does not
    /// name is to be deleted.</summary>
    Objects = 3,

    /// <summary>Blocks of one object; the last part makes it valid.</summary>
    Data = 4,

    /// <summary>That was all: your state is complete, your log begins behind the index.</summary>
    End = 5,
}
