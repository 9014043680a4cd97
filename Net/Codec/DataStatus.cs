namespace Fastblock.Net.Codec;

/// <summary>The answer to a <see cref="DataRequest"/>. Values are on the wire. Those marked "again" are about the moment:
/// the client repeats the same request (same session, same sequence) for ever.</summary>
internal enum DataStatus : byte
{
    /// <summary>Read: the payload is right. Else: durable on a majority and visible to every later read.</summary>
    Ok = 0,

    /// <summary>Again, elsewhere: this OSD does not lead the PG; the reply may name who does.</summary>
    NotLeader = 1,

    /// <summary>Again, after the map of <see cref="DataReply.Epoch"/> or later has arrived: the PG changed.</summary>
    StaleEpoch = 2,

    /// <summary>Final: another owner has taken the image over; its generation is in <see cref="DataReply.OwnerGeneration"/>.</summary>
    StaleOwner = 3,

    /// <summary>Final: no such session in this PG; it was closed or has expired.</summary>
    UnknownSession = 4,

    /// <summary>Final for this request: nothing was written because there is no room.</summary>
    NoSpace = 5,

    /// <summary>Again with checksums computed anew: the payload did not match them on arrival.</summary>
    BadChecksum = 6,

    /// <summary>Final: outside of the object or the image.</summary>
    OutOfRange = 7,

    /// <summary>Again, a little later: no quorum yet, window or log full.</summary>
    Again = 8,

    /// <summary>Again, elsewhere: this OSD (this shard) holds no replica of the PG.</summary>
    NoSuchPg = 9,

    /// <summary>Final: the request makes no sense (a bug of the client).</summary>
    Invalid = 10,

    /// <summary>Final: the OSD does not know the operation.</summary>
    NotSupported = 11,

    /// <summary>Final: these blocks are damaged where they are read.</summary>
    Io = 12,

    /// <summary>Final: the image is being or has been deleted.</summary>
    NoSuchImage = 13,

    Last = NoSuchImage,
}
