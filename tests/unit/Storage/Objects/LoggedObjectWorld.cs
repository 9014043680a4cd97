using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Unit.Native;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>The object store as in production: on the real log, key-value store and cleaner, on a device that can lose its power.
/// One replica: an entry counts as committed when it is durable. After a crash the model is made anew from the entries that the
/// log still knows of, which must be at least those that were acknowledged.</summary>
internal sealed class LoggedObjectWorld : ILogOwner, ILogListener, IReplaySink, IDisposable
{
    private const int SegmentBytes = 64 * 1024;
    private const int HeaderBytes = 24;

    private sealed record Operation(ulong Sequence, ObjectId Object, int First, int Blocks, ulong Stamp, byte Kind, LogLocation At);

    /// <summary>Entry i of a group is its element i - 1.</summary>
    private readonly List<Operation>[] _operations;
    private readonly ulong[] _applied;
    private readonly ulong[] _acknowledged;
    private readonly ManualClock _clock = new();
    private readonly BufferPool _buffers = new([(4096, 128), (64 * 1024, 128)], poison: true);
    private readonly KvBatch _batch = new();
    private readonly LogEntryBuffer _entry = new();
    private readonly VolumeLabel _label;
    private readonly int _groups;
    private ulong _stamp;

    public LoggedObjectWorld(ulong seed, int segments = 10, int dataBytes = 768 * 1024, int groups = 3)
    {
        Prng = new Prng(seed);
        _groups = groups;
        _operations = new List<Operation>[groups];
        for (int g = 0; g < groups; g++) { _operations[g] = []; }
        _applied = new ulong[groups];
        _acknowledged = new ulong[groups];
        Reactor = new Reactor(0, _clock, Prng.Fork(), new NullEventSource(), _buffers);
        long part = (128 * 1024) + (segments * SegmentBytes) + dataBytes;
        Device = new CrashDevice(Reactor, Prng.Fork(), (2 * 64 * 1024) + part);
        VolumeResult made = Run(DeviceVolume.FormatAsync(Reactor, Device, new VolumeFormatOptions
        {
            Cluster = new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
            Kind = NodeKind.Osd,
            NodeId = 7,
            Device = new Guid((int)seed, 9, 9, 4, 5, 6, 7, 8, 9, 10, 11),
            SegmentBytes = SegmentBytes,
            LogBytes = segments * SegmentBytes,
        }));
        Assert.Equal((VolumeStatus.Ok, ""), (made.Status, made.Text));
        _label = made.Label!;
    }

    public Prng Prng { get; }
    public Reactor Reactor { get; private set; }
    public CrashDevice Device { get; private set; }
    public DiskLog? Log { get; private set; }
    public KvStore Kv { get; private set; } = new();
    public ObjectStore? Store { get; private set; }
    public ObjectMover? Mover { get; private set; }
    public int Objects { get; set; } = 4;
    public long Refused { get; private set; }

    /// <returns>False when the power went before the end.</returns>
    public bool TryOpen()
    {
        Kv.Dispose();
        Kv = new KvStore();
        DevicePartition part = new(Reactor, Device, _label.PartOffset(0), _label.PartBytes);
        ShardVolumeResult shard = Run(ShardVolume.OpenAsync(Reactor, part, _label, 0));
        if (Device.IsCut) { return false; }
        Assert.Equal((VolumeStatus.Ok, ""), (shard.Status, shard.Text));
        DiskLogOptions options = new()
        {
            MaxWritesInFlight = 3,
            WriteSlots = 6,
            MaxWriteBytes = 32 * 1024,
            CacheBytes = 64 * 1024,
            CacheEntries = 64,
            HeaderCacheBytes = 32 * 1024,
            SealAfterNanos = 2_000_000,
        };
        LogOpenResult opened = Run(DiskLog.OpenAsync(Reactor, shard.Volume!, options, this, Kv));
        if (Device.IsCut) { return false; }
        Assert.Equal(Errno.None, opened.Status);
        Log = opened.Log!;
        Store = new ObjectStore(Reactor, shard.Volume!, Kv, ObjectStoreOptions.For(shard.Volume!) with
        {
            AuBytes = 8192,
            ObjectBytes = 64 * 1024,
            CrcCacheBytes = 4 * Units.BlockBytes,
            ReserveAus = 12,
            MoveObjects = 3,
            MoveBlocks = 8,
            MoveChunkBlocks = 5,
        });
        Mover = new ObjectMover(Store);
        Assert.Equal(0, Store.Load().Damaged);
        for (int g = 0; g < _groups; g++)
        {
            if (!TryReplay(g)) { return false; }
        }
        Log.StartCleaner(this, Mover);
        return true;
    }

    public void Step()
    {
        int g = Prng.Below(_groups);
        switch (Prng.Below(10))
        {
            case < 6: Write(g); break;
            case < 7: Discard(g); break;
            default: break;
        }
        Iterate(Prng.Below(4));
    }

    /// <summary>Reads all and compares with what was applied.</summary>
    public void Check()
    {
        Store!.CheckInvariants();
        PooledBuffer buffer = TestRead.Rent(_buffers, 16);
        TestRead read = new();
        for (int g = 0; g < _groups; g++)
        {
            for (uint o = 0; o < Objects; o++)
            {
                ObjectId obj = new(new ImageId(1), o);
                read.Begin();
                read.Prepare(new PgId((ulong)g), obj, 0, 16, buffer);
                ulong[] expected = Expected(g, obj);
                Store.Read(read);
                for (int i = 0; !read.IsDone; i++)
                {
                    Assert.True(i < 10_000);
                    Iterate(1);
                    if (Device.IsCut) { return; }
                }
                Assert.Equal(Errno.None, read.Result);
                for (int b = 0; b < 16; b++) { Assert.Equal(expected[b], MemoryMarshal.Read<ulong>(read.Block(b))); }
            }
        }
        buffer.Release();
    }

    public void Iterate(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _clock.NowNanos += 50_000;
            _ = Reactor.RunOnce();
        }
    }

    public void Crash(bool onlyProcess)
    {
        Log?.Abandon();
        Log = null;
        _entry.Clear();
        Reactor = new Reactor(0, _clock, Prng.Fork(), new NullEventSource(), _buffers);
        Device = Device.Restart(Reactor, onlyProcess);
    }

    public async ReactorTask<ulong> ReleaseUpToAsync(PgId group, ulong upTo)
    {
        ulong applied = _applied[group.Value];
        if (applied <= AppliedOnDisk(group)) { return applied; }
        _batch.Clear();
        byte[] value = BitConverter.GetBytes(applied);
        Assert.True(_batch.TryPut(AppliedKey(group), value));
        if (Kv.Commit(_batch, null, out ulong sequence) is not Errno.None) { return AppliedOnDisk(group); }
        return await Log!.WaitDurableAsync(sequence) is Errno.None ? applied : 0;
    }

    public void OnLogDurable(ulong sequence)
    {
        for (int g = 0; g < _groups; g++)
        {
            while (_applied[g] < (ulong)_operations[g].Count && _operations[g][(int)_applied[g]].Sequence <= sequence)
            {
                Operation o = _operations[g][(int)_applied[g]];
                Apply(g, ++_applied[g], o.Kind, o.Object, o.First, o.Blocks, o.Stamp);
                _acknowledged[g] = _applied[g];
            }
        }
    }

    public void OnLogFailed(Errno status) { }

    public void OnEntry(in ReplayedEntry entry) { }

    public void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm) { }

    public void OnEntryLost(PgId group, ulong index) => Assert.Fail("an entry was lost");

    public Errno SaveLosses() => Errno.None;

    public void OnCorruption(in LogCorruption corruption) => Assert.Fail(corruption.ToString());

    public void Dispose()
    {
        Log?.Abandon();
        Kv.Dispose();
        Store?.Dispose();
        Mover?.Dispose();
        _buffers.Dispose();
    }

    private T Run<T>(ReactorTask<T> task)
    {
        for (int i = 0; !task.IsCompleted; i++)
        {
            Assert.True(i < 200_000, "the task does not end");
            Iterate(1);
            if (!Device.IsCut) { continue; }
            task.Forget();
            return default!;
        }
        return task.TakeResult();
    }

    private void Write(int g)
    {
        PgId group = new((ulong)g);
        if (!Log!.TryGetGroup(group, out LogGroupInfo info))
        {
            _ = Log.TryAppendReset(group, 1, 0, 0, null, out _);
            return;
        }
        ObjectId obj = new(new ImageId(1), (uint)Prng.Below(Objects));
        int first = Prng.Below(16);
        int blocks = 1 + Prng.Below(Math.Min(6, 16 - first));
        PooledBuffer? payload = _buffers.TryRent(blocks * Units.BlockBytes);
        if (payload is null) { return; }
        if (Store!.TryReserve(group, obj, first, blocks) is not Errno.None)
        {
            Refused++;
            payload.Release();
            return;
        }
        ulong stamp = _stamp + 1;
        uint[] crcs = new uint[blocks];
        for (int b = 0; b < blocks; b++)
        {
            Span<byte> block = payload.Span(b * Units.BlockBytes, Units.BlockBytes);
            block.Fill(unchecked((byte)stamp));
            MemoryMarshal.Write(block, stamp + (ulong)b);
            crcs[b] = Crc32C.Compute(block);
        }
        if (Append(g, info, obj, first, blocks, stamp, kind: 0, crcs, payload)) { _stamp += (ulong)blocks; }
        else { Store.Release(group, obj); }
        payload.Release();
    }

    private void Discard(int g)
    {
        if (!Log!.TryGetGroup(new PgId((ulong)g), out LogGroupInfo info)) { return; }
        int first = Prng.Below(16);
        ObjectId obj = new(new ImageId(1), (uint)Prng.Below(Objects));
        _ = Append(g, info, obj, first, 1 + Prng.Below(16 - first), 0, kind: 1, [], null);
    }

    private bool Append(
        int g, in LogGroupInfo info, ObjectId obj, int first, int blocks, ulong stamp, byte kind, uint[] crcs, PooledBuffer? payload)
    {
        byte[] header = new byte[HeaderBytes];
        MemoryMarshal.Write(header, stamp);
        MemoryMarshal.Write(header.AsSpan(8), obj.Index);
        MemoryMarshal.Write(header.AsSpan(12), first);
        MemoryMarshal.Write(header.AsSpan(16), blocks);
        EntryRecord record = new()
        {
            Group = info.Group,
            Incarnation = info.Incarnation,
            Index = info.LastIndex + 1,
            Term = 1,
            Kind = kind,
            Header = header,
            Crcs = crcs,
        };
        Errno status = Log!.TryAppendEntry(
            in record, payload, 0, crcs.Length * Units.BlockBytes, this, out ulong sequence, out LogLocation at);
        if (status is not Errno.None)
        {
            Assert.True(status is Errno.Again or Errno.NoSpace, status.ToString());
            return false;
        }
        Assert.Equal(info.LastIndex, (ulong)_operations[g].Count);
        _operations[g].Add(new Operation(sequence, obj, first, blocks, stamp, kind, at));
        return true;
    }

    private void Apply(int g, ulong index, byte kind, ObjectId obj, int first, int blocks, ulong stamp)
    {
        PgId group = new((ulong)g);
        if (kind == 1)
        {
            Store!.ApplyDiscard(group, obj, index, first, blocks);
            return;
        }
        uint[] crcs = new uint[blocks];
        byte[] block = new byte[Units.BlockBytes];
        for (int b = 0; b < blocks; b++)
        {
            block.AsSpan().Fill(unchecked((byte)stamp));
            MemoryMarshal.Write(block, stamp + (ulong)b);
            crcs[b] = Crc32C.Compute(block);
        }
        // The cleaner may have moved the entry since it was appended.
        Assert.True(Log!.TryGetPayloadAt(group, index, out LogLocation at));
        Store!.ApplyWrite(group, obj, index, first, blocks, at, crcs);
    }

    /// <summary>What the log knows is what there is: everything acknowledged, and perhaps more.</summary>
    private bool TryReplay(int g)
    {
        PgId group = new((ulong)g);
        bool known = Log!.TryGetGroup(group, out LogGroupInfo info);
        Assert.True(info.LastIndex >= _acknowledged[g], $"acknowledged {_acknowledged[g]}, found {info.LastIndex}");
        Assert.True(info.LastIndex <= (ulong)_operations[g].Count);
        _operations[g].RemoveRange((int)info.LastIndex, _operations[g].Count - (int)info.LastIndex);
        _applied[g] = info.BaseIndex;
        for (ulong index = info.BaseIndex + 1; known && index <= info.LastIndex; index++)
        {
            Errno status = Run(Log.ReadAsync(group, index, withPayload: false, _entry));
            if (Device.IsCut) { return false; }
            Assert.Equal(Errno.None, status);
            ObjectId obj = new(new ImageId(1), MemoryMarshal.Read<uint>(_entry.Header[8..]));
            int first = MemoryMarshal.Read<int>(_entry.Header[12..]);
            int blocks = MemoryMarshal.Read<int>(_entry.Header[16..]);
            if (_entry.Kind == 1) { Store!.ApplyDiscard(group, obj, index, first, blocks); }
            else { Store!.ApplyWrite(group, obj, index, first, blocks, _entry.PayloadAt, _entry.Crcs); }
            _entry.Clear();
            _applied[g] = index;
        }
        _acknowledged[g] = info.LastIndex;
        return true;
    }

    private ulong[] Expected(int g, ObjectId obj)
    {
        ulong[] stamps = new ulong[16];
        for (int i = 0; i < (int)_applied[g]; i++)
        {
            Operation o = _operations[g][i];
            if (o.Object != obj) { continue; }
            for (int b = 0; b < o.Blocks; b++) { stamps[o.First + b] = o.Kind == 1 ? 0 : o.Stamp + (ulong)b; }
        }
        return stamps;
    }

    private static byte[] AppliedKey(PgId group) => Encoding.ASCII.GetBytes($"applied/{group.Value}");

    private ulong AppliedOnDisk(PgId group) =>
        Kv.TryGet(AppliedKey(group), out ReadOnlySpan<byte> value) ? MemoryMarshal.Read<ulong>(value) : 0;
}
