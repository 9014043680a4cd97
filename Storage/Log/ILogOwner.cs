using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Log;

/// <summary>Whoever owns the entries of the groups (the replication layer). Asked by the cleaner.</summary>
internal interface ILogOwner
{
    /// <summary>The oldest segment holds entries of <paramref name="group"/> up to <paramref name="upTo"/>. Make the group's
    /// applied state durable so that they need not be replayed, and answer the index up to which entries may go (0 = none;
    /// never above the applied index or a pin). Entries above the answer are copied to the end of the log, so answer in
    /// bounded time whatever the group is doing: an idle group, a slow follower or a missing majority is no reason to wait.
    /// <para>Payload blocks need not be home yet: the log asks the <see cref="IBlockMover"/> for them afterwards.</para></summary>
    ReactorTask<ulong> ReleaseUpToAsync(PgId group, ulong upTo);

    /// <summary>The cleaner found that an entry above the released ones cannot be read any more: it and everything behind it
    /// are gone from the log. The group must not vote or acknowledge before a majority has supplied them.</summary>
    void OnEntryLost(PgId group, ulong index);

    /// <summary>Puts into the log what <see cref="OnEntryLost"/> told of and is not in it yet. The segment is freed only behind
    /// it: with the segment gone nothing but that mark says that the group must not vote.</summary>
    /// <returns>None; anything else = not all of it found room: the segment stays, and it is tried again.</returns>
    Errno SaveLosses();
}
