using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Log;

/// <summary>Whoever reads payload blocks where the log put them (the object store). Asked by the cleaner.</summary>
internal interface IBlockMover
{
    /// <summary>How much of the present move is done, in parts of <see cref="AppendPace.Whole"/>; 0 when there is none.</summary>
    int Progress { get; }

    /// <summary>Moves every live block that lies in <paramref name="ranges"/> to its home. The first range is the whole oldest
    /// segment, the others are entries that were copied out of it or of an older one. Completes with None only when
    /// everything that stopped referring to the ranges is durable (data flushed, metadata committed) and no read of theirs
    /// is under way. Blocks of entries that are not applied yet are never in them.
    /// <para>An object's durable version may only become v when all its blocks of entries up to v are home: an entry at or
    /// below the version is skipped on replay. So move all the blocks of an object together.</para></summary>
    /// <param name="pressure">How much appends depend on the segment, 0 to 100: at 100 they are about to wait for it, and it moves as
    /// fast as it can; the lower, the more it steps back behind clients' requests. Null = 100.</param>
    /// <returns>Anything but None: the segment stays, and the cleaner tries again later.</returns>
    ReactorTask<Errno> MoveHomeAsync(IReadOnlyList<LogRange> ranges, Func<int>? pressure = null);
}
