using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

// What the log has lost. A replay meets the same gap again until its segment is freed, so what was dealt with is remembered.
internal sealed partial class DiskLog
{
    private IReadOnlyList<(ulong First, ulong Last)> _gaps = [];

    /// <summary>Lost records were found, in this opening or an earlier one, and nobody has confirmed to have dealt with it.</summary>
    public bool IsDamaged => (_volume.Superblock.Flags & SuperblockFlags.LogDamaged) != 0;

    /// <summary>The owners have durably noted which groups are affected: the mark on the device is removed, and the gaps in the
    /// log are remembered, so that only new ones count from now on.</summary>
    /// <returns>None; NoSpace = there are more gaps than can be remembered, until some have left the log; Io.</returns>
    public async ReactorTask<Errno> AcknowledgeDamageAsync()
    {
        if (_gaps.Count > KnownLosses.MaxRuns) { return Errno.NoSpace; }
        KnownLosses known = KnownLosses.Of(_gaps);
        return await _volume.UpdateAsync(old => old with { Flags = old.Flags & ~SuperblockFlags.LogDamaged, KnownLosses = known });
    }

    /// <summary>No group of this log was ever in a higher term: so much is known of terms and votes whose records are lost.</summary>
    public ulong TermCeiling => _volume.Superblock.TermCeiling;

    /// <summary>Lets groups go up to this term. Written twice, because each time only one of the two pairs of copies is: the newest
    /// one may be lost to damage, and the one before it must not promise less.</summary>
    public async ReactorTask<Errno> RaiseTermCeilingAsync(ulong ceiling)
    {
        Errno status = Errno.None;
        for (int pair = 0; pair < 2 && status is Errno.None; pair++)
        {
            status = await _volume.UpdateAsync(old => old with { TermCeiling = Math.Max(old.TermCeiling, ceiling) });
        }
        return status;
    }

    /// <summary>Recovery: runs of batches that are lost in the middle of the log.</summary>
    internal void NoteGaps(IReadOnlyList<(ulong First, ulong Last)> gaps) => _gaps = gaps;
}
