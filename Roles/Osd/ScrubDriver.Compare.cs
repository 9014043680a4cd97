using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

// One range of a PG: mark, results, verdicts. A difference counts only when a second mark finds the very same: a replica that
// was supplied anew a moment ago may hold blocks that are newer than it says, until it has caught up.
internal sealed partial class ScrubDriver
{
    private const long PollNanos = 10 * Units.NanosPerMilli;

    private readonly record struct Found(OsdId Osd, ulong Version, ulong Digest);

    /// <summary>Scrubs the next range of the PG, or says that the pass is over.</summary>
    /// <returns>False: not now. Somebody is away, or the leadership was lost.</returns>
    private async ReactorTask<bool> ScrubSomeAsync(PgReplica pg, Plan plan)
    {
        if (pg.Info is null || !AreAllThere(pg)) { return false; }
        ObjectId? after = pg.Scrub.IsUnderWay ? pg.Scrub.Position : null;
        ObjectVersion[] page = new ObjectVersion[RangeObjects];
        int count = _shard.Objects.List(pg.Id, after, page);
        ObjectId? upTo = count == page.Length ? page[count - 1].Object : null;
        ulong before = pg.Scrub.IsUnderWay ? pg.Scrub.Objects : 0;
        SortedDictionary<DamagedBlock, ulong> suspects = [];
        for (int round = 0; round < MaxRounds; round++)
        {
            ScrubMark mark = new() { After = after, UpTo = upTo, Objects = before, IsRepetition = round > 0, WallMillis = _shard.Reactor.Clock.WallMillis };
            ulong index = await ProposeAsync(pg, mark);
            if (index == 0) { return false; }
            SortedDictionary<uint, List<ScrubLine>>? results = await CollectAsync(pg, index);
            if (results is null) { return false; }
            if (!Compare(pg, plan, results, suspects)) { break; }
            await _shard.Reactor.Delay(100 * Units.NanosPerMilli);
        }
        _shard.Counters.ScrubbedObjects += count;
        // The next range is noted by a mark, like everything about a pass: the end's, or an empty one that moves the position.
        ScrubMark next = new() { After = upTo, UpTo = upTo, IsEnd = upTo is null, Objects = before + (ulong)count, WallMillis = _shard.Reactor.Clock.WallMillis };
        if (await ProposeAsync(pg, next) == 0) { return false; }
        if (next.IsEnd)
        {
            Reached.Mark("osd: scrub complete");
            _log.Debug($"pg {pg.Id}: scrubbed, {next.Objects} objects");
        }
        return true;
    }

    /// <summary>A pass over a PG that misses a replica would say nothing about that one.</summary>
    private static bool AreAllThere(PgReplica pg)
    {
        Span<NodeId> seen = stackalloc NodeId[ReplicationLimits.MaxMembers];
        int count = pg.Group!.CopyMembersSeen(seen);
        foreach (PgMember member in pg.Info!.Voters)
        {
            if (!seen[..count].Contains(new NodeId(member.Osd.Value))) { return false; }
        }
        return true;
    }

    /// <returns>The mark's index when it is applied here; 0 = it did not come to be, or nobody knows.</returns>
    private async ReactorTask<ulong> ProposeAsync(PgReplica pg, ScrubMark mark)
    {
        MarkWaiter waiter = new();
        for (int tries = 0; tries < 100; tries++)
        {
            Errno status = TryPropose(pg, mark, waiter);
            if (status is Errno.None) { return await waiter.Applied; }
            if (status is not Errno.Again) { return 0; }
            await _shard.Reactor.Delay(PollNanos);
        }
        return 0;
    }

    private static Errno TryPropose(PgReplica pg, ScrubMark mark, MarkWaiter waiter)
    {
        if (pg.Group is not { IsLeader: true, IsReady: true }) { return Errno.Stale; }
        PgOpHeader header = mark.ToHeader();
        return pg.Group.TryPropose(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref header, 1)), null, 0, default, waiter, out _);
    }

    /// <summary>What every replica found at the mark; null = not all could say.</summary>
    private async ReactorTask<SortedDictionary<uint, List<ScrubLine>>?> CollectAsync(PgReplica pg, ulong mark)
    {
        SortedDictionary<uint, List<ScrubLine>> results = [];
        long deadline = _shard.Reactor.NowNanos + ResultNanos;
        Errno own;
        byte[] lines;
        while ((own = pg.Scrub.TryGetResult(mark, out lines)) is Errno.Busy)
        {
            if (_stopping || _shard.Reactor.NowNanos > deadline) { return null; }
            await _shard.Reactor.Delay(PollNanos);
        }
        if (own is not Errno.None) { return null; }
        Take(results, _shard.Identity.Id, lines);
        foreach (PgMember member in new List<PgMember>(pg.Info!.Voters))
        {
            if (member.Osd == _shard.Identity.Id) { continue; }
            while (true)
            {
                if (_stopping || !_shard.TryGetPg(pg.Id, out PgReplica? now) || now != pg) { return null; }
                (Errno status, RepairCall call) = await _shard.Repairs.AskAsync(pg, member.Osd, RepairOp.ScrubResult, default, 0, mark);
                if (status is Errno.None)
                {
                    Take(results, member.Osd, call.Items);
                    break;
                }
                if (status is not (Errno.Busy or Errno.Again) || _shard.Reactor.NowNanos > deadline) { return null; }
                await _shard.Reactor.Delay(PollNanos);
            }
        }
        return results;
    }

    private static void Take(SortedDictionary<uint, List<ScrubLine>> results, OsdId osd, ReadOnlySpan<byte> items)
    {
        List<ScrubLine> lines = [];
        ScrubLine.ReadAll(items, lines);
        results[osd.Value] = lines;
    }

    /// <param name="suspects">Objects that differed at the mark before, by a number for how.</param>
    /// <returns>True: objects were changed meanwhile, or a difference has to be confirmed: another mark is needed.</returns>
    private bool Compare(PgReplica pg, Plan plan, SortedDictionary<uint, List<ScrubLine>> results, SortedDictionary<DamagedBlock, ulong> suspects)
    {
        SortedDictionary<DamagedBlock, List<Found>> objects = [];
        SortedSet<DamagedBlock> unclear = [];
        foreach ((uint osd, List<ScrubLine> lines) in results)
        {
            foreach (ScrubLine line in lines)
            {
                DamagedBlock key = new(pg.Id, line.Object, 0);
                if (line.Version == 0) { _ = unclear.Add(key); }
                // Damage is repaired by whoever has it, and looked at again in the next pass.
                if (line.Version == 0 || line.Digest == 0 || line.Digest == EmptyDigest(pg)) { continue; }
                if (!objects.TryGetValue(key, out List<Found>? found)) { objects[key] = found = []; }
                found.Add(new Found(new OsdId(osd), line.Version, line.Digest));
            }
        }
        bool again = unclear.Count > 0;
        foreach ((DamagedBlock key, List<Found> found) in objects)
        {
            if (unclear.Contains(key) || IsDamagedAnywhere(results, key.Object)) { continue; }
            if (found.Count == results.Count && found.TrueForAll(one => one.Version == found[0].Version && one.Digest == found[0].Digest))
            {
                _ = plan.Different.Remove(key);
                continue;
            }
            ulong how = Fingerprint(found);
            bool isConfirmed = (suspects.TryGetValue(key, out ulong known) && known == how) || Sabotage.Is(SabotageKind.ScrubAtDifferentIndexes);
            suspects[key] = how;
            if (isConfirmed) { Report(plan, key, found, results.Count); }
            else { again = true; }
        }
        return again;
    }

    private static bool IsDamagedAnywhere(SortedDictionary<uint, List<ScrubLine>> results, ObjectId obj)
    {
        foreach (List<ScrubLine> lines in results.Values)
        {
            foreach (ScrubLine line in lines)
            {
                if (line.Object == obj && line.Digest == 0) { return true; }
            }
        }
        return false;
    }

    private static ulong Fingerprint(List<Found> found)
    {
        ulong how = 1;
        foreach (Found one in found)
        {
            how = unchecked((((((how * 31) + one.Osd.Value) * 31) + one.Version) * 31) + one.Digest);
        }
        return how;
    }

    /// <summary>All copies match their own checksums, and yet they are not the same: that is not for a program to decide.</summary>
    private void Report(Plan plan, DamagedBlock key, List<Found> found, int replicas)
    {
        if (!plan.Different.Add(key)) { return; }
        Reached.Mark("osd: scrub found a difference");
        _shard.Counters.ScrubDifferences++;
        string text = "";
        foreach (Found one in found) { text += $"{(text.Length > 0 ? ", " : "")}osd.{one.Osd.Value} has version {one.Version} {one.Digest:x16}"; }
        if (found.Count < replicas) { text += ", the others have no such object"; }
        _log.Error($"pg {key.Pg} image {key.Object.Image.Value} object {key.Object.Index}: the replicas differ: {text}");
    }

    private ulong EmptyDigest(PgReplica pg)
    {
        if (_emptyBlocks != pg.BlocksPerObject)
        {
            ulong digest = 0;
            for (int block = 0; block < pg.BlocksPerObject; block++) { digest = Storage.Blobs.Mix.Fold(digest, _shard.Objects.ZeroBlockCrc); }
            (_emptyBlocks, _emptyDigest) = (pg.BlocksPerObject, digest);
        }
        return _emptyDigest;
    }

    private int _emptyBlocks;
    private ulong _emptyDigest;

    private sealed class MarkWaiter : IProposalWaiter
    {
        /// <summary>0 = dropped.</summary>
        public ReactorSignal<ulong> Applied { get; } = new();

        public void OnCommitted(LogIndex index) => Applied.Set(index.Value);

        public void OnDropped(LogIndex index) => Applied.Set(0);
    }
}
