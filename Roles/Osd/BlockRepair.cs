using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

// A block that does not match its checksum, or that the device does not give back, is noted here by whoever met it: a client's
// read, a merge, a hand-over, a move home, another replica's question, a scrub. One task goes through the list:
//
//   read it again, alone -> is it all right by now (overwritten, discarded)? done
//   checksum page lost   -> the checksums from another replica, a new page
//   in the log           -> the object moves home as it is; the log is never written over
//   at home              -> the contents from another replica (BlockFetch.cs), rewritten in place, read again
//
// What no replica has stays in the list and is tried again now and then: another replica may come back, or the block may be
// overwritten. Nothing here is needed for the answer to a client, who got it from the other replica directly.

/// <summary>The damaged blocks of a shard that are known, and their repair in the background.</summary>
internal sealed partial class BlockRepair : IObjectDamageSink
{
    /// <summary>More than these are not noted: a scrub finds them again when the list has become shorter.</summary>
    private const int MaxKnown = 4096;

    /// <summary>Rounds of one repair before it makes place for another one.</summary>
    private const int MaxRounds = 64;

    /// <summary>A medium that does not keep what is written to it is beyond repair.</summary>
    private const int MaxRewrites = 3;

    private const long RetryNanos = Units.NanosPerSecond;
    private const long HopelessRetryNanos = 60 * Units.NanosPerSecond;

    private sealed class State
    {
        public long DueNanos { get; set; }
        public bool IsHopeless { get; set; }
    }

    private readonly OsdShard _shard;
    private readonly Log _log;
    private readonly SortedDictionary<DamagedBlock, State> _known = [];
    private readonly WakeTimer _timer;
    private bool _running;

    public BlockRepair(OsdShard shard, Log log)
    {
        (_shard, _log) = (shard, log);
        _timer = new WakeTimer(this);
    }

    /// <summary>Blocks known to be damaged and not repaired yet.</summary>
    public int Known => _known.Count;

    /// <summary>Those of them of which no replica has a good copy.</summary>
    public int Hopeless { get; private set; }

    /// <summary>What is known of one PG's replica.</summary>
    public (ulong Damaged, ulong Hopeless) CountOf(PgId pg)
    {
        (ulong damaged, ulong hopeless) = (0UL, 0UL);
        if (_known.Count == 0) { return (0, 0); }
        foreach ((DamagedBlock block, State state) in _known)
        {
            if (block.Pg != pg) { continue; }
            damaged++;
            hopeless += state.IsHopeless ? 1UL : 0;
        }
        return (damaged, hopeless);
    }

    /// <summary>Notes a damaged block; repeated calls are one.</summary>
    public void Add(PgId pg, ObjectId obj, int block)
    {
        DamagedBlock damaged = new(pg, obj, block);
        if (_known.ContainsKey(damaged)) { return; }
        _shard.Counters.ReadErrors++;
        _log.Error($"{damaged}: the device does not give back what was written there; it is taken from another replica");
        if (_known.Count >= MaxKnown) { return; }
        // Not at once: it is part of a loop that has more to do, and the same damage is often met again and again.
        _known.Add(damaged, new State { DueNanos = _shard.Reactor.NowNanos });
        Wake(_shard.Reactor.NowNanos);
    }

    void IObjectDamageSink.OnDamage(PgId group, ObjectId obj, ObjectDamage damage, int block) => Add(group, obj, Math.Max(0, block));

    public void Stop() => _shard.Reactor.Disarm(_timer);

    private void Wake(long atNanos)
    {
        if (_running || (_timer.IsArmed && _timer.DueNanos <= atNanos)) { return; }
        _shard.Reactor.Arm(_timer, atNanos);
    }

    private async ReactorTask RunAsync()
    {
        _running = true;
        while (TryPick(out DamagedBlock block, out State? state))
        {
            Errno status = await RepairAsync(block);
            if (status is Errno.None or Errno.Canceled) { Forget(block, state!); }
            else { Postpone(block, state!, hopeless: status is Errno.BadMessage or Errno.Io); }
        }
        _running = false;
        if (_known.Count > 0) { Wake(EarliestNanos()); }
    }

    private bool TryPick(out DamagedBlock block, out State? state)
    {
        foreach ((DamagedBlock known, State its) in _known)
        {
            if (its.DueNanos > _shard.Reactor.NowNanos) { continue; }
            (block, state) = (known, its);
            return true;
        }
        (block, state) = (default, null);
        return false;
    }

    private long EarliestNanos()
    {
        long earliest = long.MaxValue;
        foreach (State state in _known.Values) { earliest = Math.Min(earliest, state.DueNanos); }
        return earliest;
    }

    private void Forget(DamagedBlock block, State state)
    {
        _ = _known.Remove(block);
        if (state.IsHopeless) { Hopeless--; }
    }

    private void Postpone(DamagedBlock block, State state, bool hopeless)
    {
        if (hopeless && !state.IsHopeless)
        {
            Reached.Mark("osd: block without a good copy");
            Hopeless++;
            _log.Error($"{block}: no replica has a good copy of it");
        }
        else if (!hopeless && state.IsHopeless) { Hopeless--; }
        state.IsHopeless = hopeless;
        state.DueNanos = _shard.Reactor.NowNanos + (hopeless ? HopelessRetryNanos : RetryNanos);
    }

    /// <returns>None = it is all right now; Canceled = there is no such replica any more; BadMessage, Io = it cannot be repaired;
    /// anything else = not now.</returns>
    private async ReactorTask<Errno> RepairAsync(DamagedBlock damaged)
    {
        PooledBuffer? buffer = _shard.Reactor.Buffers.TryRent(Units.BlockBytes, BufferUse.ReadBack);
        if (buffer is null) { return Errno.NoBuffers; }
        AwaitedRead read = new(_shard.Objects);
        int rewrites = 0;
        Errno status = Errno.Again;
        for (int round = 0; round < MaxRounds && status is Errno.Again or Errno.Busy or Errno.Stale; round++)
        {
            if (status is Errno.Busy) { await _shard.Reactor.Delay(Units.NanosPerMilli); }
            if (!_shard.TryGetPg(damaged.Pg, out PgReplica? pg) || pg.Group is null) { status = Errno.Canceled; }
            else if (pg.Group.IsRecovering) { status = Errno.NotConnected; } // later: it is being supplied
            else
            {
                BlockPlace place = _shard.Objects.Locate(damaged.Pg, damaged.Object, damaged.Block);
                Errno found = await read.RunAsync(damaged.Pg, damaged.Object, damaged.Block, 1, buffer);
                if (found is Errno.None) { status = Errno.None; }
                else if (!read.KnowsCrcs) { status = await RepairPageAsync(pg, damaged.Object); }
                else if (place.Source is ObjectRead.Source.Log) { status = await MoveHomeAsync(place); }
                else if (rewrites == MaxRewrites) { status = found; }
                else
                {
                    status = await RewriteAsync(pg, damaged, place, read.Crcs[0], buffer);
                    rewrites += status is Errno.Again ? 1 : 0;
                }
            }
        }
        buffer.Release();
        if (status is Errno.None && rewrites > 0)
        {
            Reached.Mark("osd: block repaired");
            _shard.Counters.RepairedBlocks++;
            _log.Info($"{damaged}: repaired");
        }
        return status;
    }

    private async ReactorTask<Errno> MoveHomeAsync(BlockPlace place)
    {
        Reached.Mark("osd: damaged block brought home for repair");
        Errno status = await _shard.MoveHomeAsync(new LogRange(new LogLocation(place.Address), 1));
        return status is Errno.None ? Errno.Again : status is Errno.Busy ? status : Errno.NoSpace;
    }

    /// <returns>Again = it was written, or what is there has to be looked at again.</returns>
    private async ReactorTask<Errno> RewriteAsync(PgReplica pg, DamagedBlock damaged, BlockPlace place, uint crc, PooledBuffer buffer)
    {
        (Errno fetched, uint got) = await FetchBlockAsync(pg, damaged.Object, damaged.Block, place, crc, buffer, 0);
        if (fetched is not Errno.None) { return fetched; }
        if (got != crc) { return await RepairPageAsync(pg, damaged.Object); }
        Errno status = await _shard.Objects.RewriteHomeAsync(damaged.Pg, damaged.Object, damaged.Block, place, got, buffer, 0);
        return status is Errno.None ? Errno.Again : status;
    }

    private async ReactorTask<Errno> RepairPageAsync(PgReplica pg, ObjectId obj)
    {
        uint[] crcs = new uint[CrcPageFormat.MaxBlocks];
        ulong version = await FetchChecksumsAsync(pg.Id, obj, crcs);
        if (version == 0) { return Errno.NotConnected; }
        Errno status = await _shard.Objects.ReplaceCrcPageAsync(pg.Id, obj, crcs, version);
        if (status is not Errno.None) { return status; }
        Reached.Mark("osd: checksum page repaired");
        _shard.Counters.RepairedBlocks++;
        _log.Info($"pg {pg.Id} image {obj.Image.Value} object {obj.Index}: its checksums are repaired");
        return Errno.Again;
    }

    private sealed class WakeTimer(BlockRepair repair) : TimerEntry
    {
        public override void OnTimer(long nowNanos)
        {
            if (!repair._running) { repair.RunAsync().Start(); }
        }
    }
}
