using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Unit.Native;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>A log with its key-value store on a device that can lose its power, a random workload, and a naive model: the list
/// of all operations with the batch each of them is in. What a replay finds must be exactly the operations up to the batch where
/// the log ends, and that must be at least the newest batch that was reported durable.</summary>
internal sealed class LogWorld : ILogOwner, ILogListener, IReplaySink, IDisposable
{
    private enum Kind { Entry, Kv, Reset, Remove }

    private sealed record Operation(
        Kind Kind, ulong Sequence, PgId Group, ulong Incarnation, ulong Index, ulong Term, byte[] Header, int Blocks,
        List<(string Key, byte[]? Value)> Pairs);

    private sealed record Held(ulong Term, byte[] Header, int Blocks);

    /// <summary>What a group should look like.</summary>
    private sealed class Shape
    {
        public ulong Incarnation;
        public ulong Base;
        public ulong BaseTerm;
        public List<Held> Entries = [];
        public ulong Last => Base + (ulong)Entries.Count;
    }

    private readonly ManualClock _clock = new();
    private readonly BufferPool _buffers = new([(4096, 256), (16 * 1024, 256), (256 * 1024, 16)], poison: true);
    private readonly KvBatch _batch = new();
    private readonly LogEntryBuffer _read = new();
    private readonly SortedDictionary<ulong, ulong> _applied = [];
    private List<Operation> _operations = [];
    private ulong _acknowledged;
    private ulong _nextIncarnation = 1;
    private ulong _stamp;

    public LogWorld(ulong seed, int segments = 8, int segmentBytes = 64 * 1024, int groups = 3, DiskLogOptions? options = null)
    {
        Prng = new Prng(seed);
        Groups = groups;
        Options = options ?? new DiskLogOptions
        {
            MaxWritesInFlight = 3,
            WriteSlots = 6,
            MaxWriteBytes = 32 * 1024,
            CacheBytes = 64 * 1024,
            CacheEntries = 64,
            HeaderCacheBytes = 32 * 1024,
            SealAfterNanos = 2_000_000,
        };
        long part = (64 * 1024) + ((long)segments * segmentBytes);
        Reactor = new Reactor(0, _clock, Prng.Fork(), new NullEventSource(), _buffers);
        Device = new CrashDevice(Reactor, Prng.Fork(), (2 * 64 * 1024) + part);
        VolumeFormatOptions format = new()
        {
            Cluster = new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
            Kind = NodeKind.Mon,
            NodeId = 7,
            Device = new Guid((int)seed, 9, 9, 4, 5, 6, 7, 8, 9, 10, 11),
            SegmentBytes = segmentBytes,
        };
        VolumeResult made = Run(DeviceVolume.FormatAsync(Reactor, Device, format));
        Assert.Equal((VolumeStatus.Ok, ""), (made.Status, made.Text));
        Label = made.Label!;
    }

    public Prng Prng { get; }
    public int Groups { get; }
    public DiskLogOptions Options { get; set; }
    public Reactor Reactor { get; private set; }
    public CrashDevice Device { get; private set; }
    public VolumeLabel Label { get; }
    public ShardVolume? Volume { get; private set; }
    public KvStore Kv { get; private set; } = new();
    public DiskLog? Log { get; private set; }
    public List<LogCorruption> Corruptions { get; } = [];

    /// <summary>Groups whose entries are never applied: a missing majority.</summary>
    public HashSet<uint> Stuck { get; } = [];

    /// <summary>Share of operations that carry a payload, in a million.</summary>
    public int PayloadChance { get; set; } = 600_000;

    public bool TestCuts { get; set; } = true;

    /// <summary>The largest payload.</summary>
    public int MaxBlocks { get; set; } = 3;

    /// <summary>Opens label, superblock and log. Null when the power went before the end.</summary>
    public LogOpenResult? TryOpen()
    {
        Corruptions.Clear();
        Kv.Dispose();
        Kv = new KvStore();
        VolumeResult label = Run(DeviceVolume.OpenAsync(Reactor, Device, new VolumeExpectation { Cluster = Label.Cluster, NodeId = 7 }));
        if (Device.IsCut) { return null; }
        Assert.Equal((VolumeStatus.Ok, ""), (label.Status, label.Text));
        Fastblock.Storage.Device.DevicePartition part = new(Reactor, Device, Label.PartOffset(0), Label.PartBytes);
        ShardVolumeResult shard = Run(ShardVolume.OpenAsync(Reactor, part, Label, 0));
        if (Device.IsCut) { return null; }
        Assert.Equal((VolumeStatus.Ok, ""), (shard.Status, shard.Text));
        Volume = shard.Volume;
        LogOpenResult opened = Run(DiskLog.OpenAsync(Reactor, Volume!, Options, this, Kv));
        if (Device.IsCut) { return null; }
        Log = opened.Log;
        return opened;
    }

    /// <summary>Opens, checks what was found against the model, and goes on from there.</summary>
    public bool TryOpenAndCheck(bool startCleaner = true)
    {
        LogOpenResult? opened = TryOpen();
        if (opened is null) { return false; }
        Assert.Equal(Errno.None, opened.Value.Status);
        Assert.Empty(Corruptions);
        ulong end = Log!.DurableSequence;
        Assert.True(end >= _acknowledged, $"acknowledged {_acknowledged}, found {end}");
        _operations = _operations.Where(o => o.Sequence <= end).ToList();
        _acknowledged = end;
        Check();
        if (Device.IsCut) { return false; }
        // The owner's own memory is what it made durable.
        _applied.Clear();
        foreach (PgId group in Log.Groups) { _applied[group.Value] = AppliedOnDisk(group); }
        if (startCleaner) { Log.StartCleaner(this, null); }
        return true;
    }

    /// <summary>The state in memory equals the model.</summary>
    public void Check()
    {
        SortedDictionary<ulong, Shape> shapes = [];
        SortedDictionary<string, byte[]> pairs = new(StringComparer.Ordinal);
        Replay(shapes, pairs);
        List<(string, string)> found = [];
        KvScan scan = Kv.Scan(default);
        while (scan.Next()) { found.Add((Encoding.ASCII.GetString(scan.Key), Convert.ToHexString(scan.Value))); }
        Assert.Equal(pairs.Select(p => (p.Key, Convert.ToHexString(p.Value))), found);
        Kv.CheckInvariants();
        Assert.Equal(shapes.Keys, Log!.Groups.Select(g => g.Value));
        foreach ((ulong id, Shape shape) in shapes)
        {
            PgId group = new(id);
            Assert.True(Log.TryGetGroup(group, out LogGroupInfo info));
            Assert.Equal((shape.Incarnation, shape.Last, false), (info.Incarnation, info.LastIndex, info.Damaged));
            Assert.True(info.BaseIndex >= shape.Base);
            Assert.True(info.BaseIndex == shape.Base || info.BaseIndex <= AppliedOnDisk(group), "entries went before the state was durable");
            Assert.True(Log.TryGetTerm(group, info.BaseIndex, out ulong baseTerm));
            Assert.Equal(info.BaseIndex == shape.Base ? shape.BaseTerm : shape.Entries[(int)(info.BaseIndex - shape.Base - 1)].Term, baseTerm);
            for (ulong index = info.BaseIndex + 1; index <= info.LastIndex; index++)
            {
                Held held = shape.Entries[(int)(index - shape.Base - 1)];
                Errno status = Run(Log.ReadAsync(group, index, withPayload: true, _read));
                if (Device.IsCut) { return; }
                // The cleaner may have passed by while we were reading.
                if (status is Errno.NotFound && Log.TryGetGroup(group, out LogGroupInfo now) && now.BaseIndex >= index) { continue; }
                Assert.Equal(Errno.None, status);
                Assert.Equal(held.Term, _read.Term);
                Assert.True(held.Header.AsSpan().SequenceEqual(_read.Header));
                Assert.Equal(held.Blocks * Units.BlockBytes, _read.PayloadBytes);
                if (held.Blocks > 0)
                {
                    ulong stamp = MemoryMarshal.Read<ulong>(held.Header);
                    Assert.Equal(stamp, MemoryMarshal.Read<ulong>(_read.Payload!.Span(_read.PayloadOffset, 8)));
                    Assert.Equal(Crc32C.Compute(_read.Payload.Span(_read.PayloadOffset, Units.BlockBytes)), _read.Crcs[0]);
                }
                _read.Clear();
            }
        }
    }

    /// <summary>One random operation; returns without one when the log refuses.</summary>
    public void Step()
    {
        switch (Prng.Below(20))
        {
            case < 10: Append(); break;
            case < 15: CommitPairs(); break;
            case 15: ResetGroup(); break;
            case 16 when Prng.Chance(200_000): RemoveGroup(); break;
            case < 19: Advance(); break;
            default: break;
        }
        if (Prng.Chance(400_000)) { Iterate(Prng.Below(4)); }
    }

    public void Append(uint? only = null, bool mayCut = true)
    {
        PgId group = new(only ?? (uint)Prng.Below(Groups));
        if (!Log!.TryGetGroup(group, out LogGroupInfo info))
        {
            Reset(group, 0, 0);
            return;
        }
        ulong first = Math.Max(info.BaseIndex, _applied.GetValueOrDefault(group.Value)) + 1;
        ulong index = info.LastIndex + 1;
        if (TestCuts && mayCut && first <= info.LastIndex && Prng.Chance(100_000)) { index = first + Prng.Below(info.LastIndex - first + 1); }
        _ = Log.TryGetTerm(group, info.LastIndex, out ulong term);
        term += Prng.Below(2UL);
        int blocks = Prng.Chance(PayloadChance) ? 1 + Prng.Below(MaxBlocks) : 0;
        byte[] header = new byte[8 + Prng.Below(200)];
        MemoryMarshal.Write(header, ++_stamp);
        PooledBuffer? payload = null;
        uint[] crcs = new uint[blocks];
        if (blocks > 0)
        {
            payload = _buffers.TryRent(blocks * Units.BlockBytes);
            if (payload is null) { return; }
            payload.Span(0, blocks * Units.BlockBytes).Fill(unchecked((byte)_stamp));
            MemoryMarshal.Write(payload.Span(0, 8), _stamp);
            for (int b = 0; b < blocks; b++) { crcs[b] = Crc32C.Compute(payload.Span(b * Units.BlockBytes, Units.BlockBytes)); }
        }
        EntryRecord record = new()
        {
            Group = group,
            Incarnation = info.Incarnation,
            Index = index,
            Term = term,
            Kind = 3,
            Header = header,
            Crcs = crcs,
        };
        Errno status = Log.TryAppendEntry(in record, payload, 0, blocks * Units.BlockBytes, this, out ulong sequence, out _);
        payload?.Release();
        if (status is Errno.None)
        {
            _operations.Add(new Operation(Kind.Entry, sequence, group, info.Incarnation, index, term, header, blocks, []));
        }
        else { Assert.True(status is Errno.Again or Errno.NoSpace, status.ToString()); }
        LastStatus = status;
    }

    public Errno LastStatus { get; private set; }

    public void CommitPairs()
    {
        _batch.Clear();
        List<(string Key, byte[]? Value)> pairs = [];
        for (int i = 1 + Prng.Below(4); i > 0; i--)
        {
            string key = $"k{Prng.Below(60)}";
            byte[]? value = null;
            if (Prng.Chance(700_000))
            {
                value = new byte[Prng.Below(Prng.Chance(50_000) ? 6000 : 300)];
                value.AsSpan().Fill(unchecked((byte)++_stamp));
                Assert.True(_batch.TryPut(Encoding.ASCII.GetBytes(key), value));
            }
            else { Assert.True(_batch.TryDelete(Encoding.ASCII.GetBytes(key))); }
            pairs.Add((key, value));
        }
        Commit(pairs);
    }

    public void Iterate(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _clock.NowNanos += 50_000;
            _ = Reactor.RunOnce();
        }
    }

    /// <summary>Drives the loop until the task ends or the power goes.</summary>
    public T Run<T>(ReactorTask<T> task)
    {
        for (int i = 0; !task.IsCompleted; i++)
        {
            Assert.True(i < 2_000_000, "the task does not end");
            Iterate(1);
            if (Device.IsCut)
            {
                task.Forget();
                return default!;
            }
        }
        return task.TakeResult();
    }

    /// <summary>Ends this life; the next one begins on what the device still has.</summary>
    public void Crash(bool onlyProcess = false)
    {
        Log?.Abandon();
        Log = null;
        _read.Clear();
        Reactor = new Reactor(0, _clock, Prng.Fork(), new NullEventSource(), _buffers);
        Device = Device.Restart(Reactor, onlyProcess);
    }

    public void Close()
    {
        Assert.Equal(Errno.None, Run(Log!.CloseAsync()));
        Log = null;
    }

    public async ReactorTask<ulong> ReleaseUpToAsync(PgId group, ulong upTo)
    {
        if (Prng.Chance(300_000)) { await Reactor.Delay(100_000); }
        ulong applied = _applied.GetValueOrDefault(group.Value);
        if (applied <= AppliedOnDisk(group)) { return AppliedOnDisk(group); }
        _batch.Clear();
        byte[] value = new byte[8];
        MemoryMarshal.Write(value, applied);
        Assert.True(_batch.TryPut(AppliedKey(group), value));
        ulong sequence = Commit([(Encoding.ASCII.GetString(AppliedKey(group)), value)]);
        if (sequence == 0) { return AppliedOnDisk(group); }
        return await Log!.WaitDurableAsync(sequence) is Errno.None ? applied : 0;
    }

    /// <summary>Entries that the cleaner could not read; null = none may be lost.</summary>
    public List<(PgId Group, ulong Index)>? Lost { get; set; }

    /// <summary>What the owner answers when it shall note the losses.</summary>
    public Errno LossesSaved { get; set; }

    public void OnEntryLost(PgId group, ulong index)
    {
        Assert.True(Lost is not null, $"lost {group} {index}");
        Lost.Add((group, index));
    }

    public Errno SaveLosses() => LossesSaved;

    public void OnLogDurable(ulong sequence)
    {
        Assert.True(sequence >= _acknowledged);
        _acknowledged = sequence;
    }

    public void OnLogFailed(Errno status) { }

    public void OnEntry(in ReplayedEntry entry) { }

    public void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm) { }

    public void OnCorruption(in LogCorruption corruption) => Corruptions.Add(corruption);

    public void Dispose()
    {
        Log?.Abandon();
        Kv.Dispose();
        _buffers.Dispose();
    }

    /// <summary>Entries get applied, but for stuck groups.</summary>
    public void Advance()
    {
        foreach (PgId group in Log!.Groups)
        {
            if (Stuck.Contains((uint)group.Value) || !Log.TryGetGroup(group, out LogGroupInfo info)) { continue; }
            ulong applied = Math.Max(_applied.GetValueOrDefault(group.Value), info.BaseIndex);
            // Only what is durable may be applied.
            ulong last = _operations.LastOrDefault(o => o.Group == group && o.Kind is Kind.Entry && o.Sequence <= Log.DurableSequence)?.Index ?? 0;
            last = Math.Min(last, info.LastIndex);
            if (last > applied) { _applied[group.Value] = applied + Prng.Below(last - applied + 1); }
        }
    }

    private void ResetGroup()
    {
        PgId group = new((uint)Prng.Below(Groups));
        if (Stuck.Contains((uint)group.Value)) { return; }
        ulong index = Prng.Below(50UL);
        if (Log!.TryGetGroup(group, out LogGroupInfo info) && Prng.Chance(700_000)) { index = info.LastIndex + Prng.Below(5UL); }
        Reset(group, index, Prng.Below(3UL));
    }

    private void Reset(PgId group, ulong index, ulong term)
    {
        ulong incarnation = Log!.TryGetGroup(group, out LogGroupInfo info) && Prng.Chance(500_000) ? info.Incarnation : _nextIncarnation;
        incarnation = Math.Max(incarnation, info.Incarnation);
        // As a replication layer would: what was applied means nothing for the new life.
        if (Commit([(Encoding.ASCII.GetString(AppliedKey(group)), null)]) == 0) { return; }
        _ = _applied.Remove(group.Value);
        Errno status = Log.TryAppendReset(group, incarnation, index, term, this, out ulong sequence);
        if (status is not Errno.None) { return; }
        _nextIncarnation = Math.Max(_nextIncarnation, incarnation) + 1;
        _operations.Add(new Operation(Kind.Reset, sequence, group, incarnation, index, term, [], 0, []));
    }

    private void RemoveGroup()
    {
        PgId group = new((uint)Prng.Below(Groups));
        if (Stuck.Contains((uint)group.Value) || Commit([(Encoding.ASCII.GetString(AppliedKey(group)), null)]) == 0) { return; }
        if (Log!.TryAppendRemove(group, this, out ulong sequence) is not Errno.None) { return; }
        _operations.Add(new Operation(Kind.Remove, sequence, group, 0, 0, 0, [], 0, []));
        _ = _applied.Remove(group.Value);
    }

    private ulong Commit(List<(string Key, byte[]? Value)> pairs)
    {
        _batch.Clear();
        foreach ((string key, byte[]? value) in pairs)
        {
            Assert.True(value is null
                ? _batch.TryDelete(Encoding.ASCII.GetBytes(key))
                : _batch.TryPut(Encoding.ASCII.GetBytes(key), value));
        }
        Errno status = Kv.Commit(_batch, this, out ulong sequence);
        if (status is not Errno.None)
        {
            Assert.True(status is Errno.Again or Errno.NoSpace, status.ToString());
            return 0;
        }
        _operations.Add(new Operation(Kind.Kv, sequence, default, 0, 0, 0, [], 0, pairs));
        return sequence;
    }

    private static byte[] AppliedKey(PgId group) => Encoding.ASCII.GetBytes($"applied/{group.Value}");

    private ulong AppliedOnDisk(PgId group) =>
        Kv.TryGet(AppliedKey(group), out ReadOnlySpan<byte> value) ? MemoryMarshal.Read<ulong>(value) : 0;

    private void Replay(SortedDictionary<ulong, Shape> shapes, SortedDictionary<string, byte[]> pairs)
    {
        foreach (Operation o in _operations)
        {
            switch (o.Kind)
            {
                case Kind.Reset:
                    shapes[o.Group.Value] = new Shape { Incarnation = o.Incarnation, Base = o.Index, BaseTerm = o.Term };
                    break;
                case Kind.Remove:
                    _ = shapes.Remove(o.Group.Value);
                    break;
                case Kind.Entry:
                    Shape shape = shapes[o.Group.Value];
                    int keep = (int)(o.Index - shape.Base - 1);
                    shape.Entries.RemoveRange(keep, shape.Entries.Count - keep);
                    shape.Entries.Add(new Held(o.Term, o.Header, o.Blocks));
                    break;
                default:
                    foreach ((string key, byte[]? value) in o.Pairs)
                    {
                        if (value is null) { _ = pairs.Remove(key); }
                        else { pairs[key] = value; }
                    }
                    break;
            }
        }
    }
}
