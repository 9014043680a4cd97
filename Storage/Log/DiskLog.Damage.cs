using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

// What the log has lost. A replay meets the same gap again until its segment is freed, so what was dealt with is remembered: by a
// record for each gap, in the log itself, so that there may be any number of them. Such a record lies behind its gap, and segments
// are freed oldest first: as long as the gap can be met, the record is there, and nobody has to copy it.
internal sealed partial class DiskLog
{
    private IReadOnlyList<(ulong First, ulong Last)> _gaps = [];

    /// <summary>Lost records were found, in this opening or an earlier one, and nobody has confirmed to have dealt with it.</summary>
    public bool IsDamaged => (_volume.Superblock.Flags & SuperblockFlags.LogDamaged) != 0;

    /// <summary>The owners have durably noted which groups are affected: the gaps in the log are remembered, and then the mark on the
    /// device is removed, so that only new ones count from now on. A crash in between only repeats the rest.</summary>
    /// <returns>None; NoSpace = the log is full to the last block; Io.</returns>
    public async ReactorTask<Errno> AcknowledgeDamageAsync()
    {
        foreach ((ulong first, ulong last) in _gaps)
        {
            Errno status;
            while ((status = TryAppendLostBatches(first, last)) is Errno.Again) { await _reactor.Delay(Units.NanosPerMilli); }
            if (status is not Errno.None) { return status; }
        }
        Errno durable = await WaitDurableAsync(LastSequence);
        if (durable is not Errno.None) { return durable; }
        _gaps = [];
        return await _volume.UpdateAsync(static old => old with { Flags = old.Flags & ~SuperblockFlags.LogDamaged });
    }

    private Errno TryAppendLostBatches(ulong first, ulong last)
    {
        Errno status = Begin(LogRecord.LostBatchesBytes, 0, LogRoom.Cleaning);
        if (status is Errno.None) { LogRecord.WriteLostBatches(_open!.AddRecord(LogRecord.LostBatchesBytes), first, last); }
        return status;
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

    /// <summary>Recovery: runs of batches that are lost in the middle of the log, and nobody knows of it yet.</summary>
    internal void NoteGaps(IReadOnlyList<(ulong First, ulong Last)> gaps) => _gaps = gaps;
}
