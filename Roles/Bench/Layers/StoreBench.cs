using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>The storage of one shard without network and replication: a write is an entry in the shared log, durable, then
/// applied to the object store; reads verify their checksums. The log's cleaner moves blocks home as in an OSD.</summary>
internal sealed class StoreBench : ClosedLoop, ILogListener, ILogOwner, IReplaySink, IDisposable
{
    private const int Groups = 16;
    private const int HeaderBytes = 64;

    /// <summary>Part of the data region that is used: the rest is room for what is not cleaned yet.</summary>
    private const int UsedPercent = 50;

    private readonly LayerOptions _options;
    private readonly BenchVolume _volume;
    private readonly ObjectStore _store;
    private readonly ObjectMover _mover;
    private readonly BlockContent _content;
    private readonly StoreSlot[] _slots;
    private readonly RingQueue<(ulong Sequence, int Slot)> _waiting = new(256);
    private readonly ulong[] _applied = new ulong[Groups];
    private readonly KvBatch _batch = new();
    private readonly byte[] _header = new byte[HeaderBytes];
    private readonly long _places;
    private readonly int _placesPerObject;
    private long _next;
    private uint _version;
    private bool _fills;

    private StoreBench(Reactor reactor, BenchVolume volume, LayerOptions options) : base(reactor, options.QueueDepth)
    {
        _options = options;
        _volume = volume;
        ObjectStoreOptions objects = ObjectStoreOptions.For(volume.Volume);
        _store = new ObjectStore(reactor, volume.Volume, volume.Kv, objects);
        _mover = new ObjectMover(_store);
        _ = _store.Load();
        _content = new BlockContent(options.BlockBytes, options.Seed);
        _placesPerObject = objects.ObjectBytes / options.BlockBytes;
        long used = objects.DataBytes / 100 * UsedPercent;
        _places = used / objects.ObjectBytes * _placesPerObject;
        if (_places < 2 * options.QueueDepth) { throw new OperatorException(ExitCode.Usage, "the device is too small for --qd times --bs"); }
        _slots = new StoreSlot[options.QueueDepth];
        for (int i = 0; i < _slots.Length; i++) { _slots[i] = new StoreSlot(this, i, options.BlockBytes); }
    }

    private bool Reads => !_fills && _options.Mode is RwMode.RandRead or RwMode.Read;
    private bool IsRandom => !_fills && _options.Mode is RwMode.RandRead or RwMode.RandWrite;

    public static BenchResult Run(LayerOptions options)
    {
        using BenchNode node = new(0, options);
        BenchDevice? device = null;
        StoreBench? bench = null;
        try
        {
            return node.Call(async () =>
            {
                device = new BenchDevice(node.Reactor, options, writes: true);
                await DeviceBench.FillAsync(node.Reactor, device.Device, options.Seed);
                NoReplay replay = new();
                bench = new StoreBench(node.Reactor, await BenchVolume.MakeAsync(node.Reactor, device.Device, 0, Guid.NewGuid(), replay), options);
                await bench.PrepareAsync();
                BenchResult result = await LayerRun.MeasureAsync($"store {ConfigKey.Lower(options.Mode)} {SizeText.FormatExact(options.BlockBytes)}",
                    bench, options.BlockBytes, options);
                _ = await bench._volume.Log.CloseAsync();
                return result;
            });
        }
        finally
        {
            bench?.Dispose();
            device?.Dispose();
        }
    }

    public void Dispose()
    {
        _volume.Log.Abandon();
        _store.Dispose();
        _mover.Dispose();
        _volume.Kv.Dispose();
    }

    // ---- one operation ----

    protected override void Start(int slot)
    {
        long place = IsRandom ? (long)Reactor.Prng.Below((ulong)_places) : _next++ % _places;
        StoreSlot op = _slots[slot];
        op.Choose(place / _placesPerObject, (int)(place % _placesPerObject) * (_options.BlockBytes / Units.BlockBytes));
        if (Reads) { op.Read(_store); } else { StartWrite(slot); }
    }

    private void StartWrite(int slot)
    {
        StoreSlot op = _slots[slot];
        PooledBuffer? payload = Reactor.Buffers.TryRent(_options.BlockBytes);
        if (payload is null)
        {
            Reactor.Enqueue(op);
            return;
        }
        _content.Fill(payload.Span(0, _options.BlockBytes), op.FirstBlock, unchecked(++_version), 0);
        Errno status = _store.TryReserve(op.Group, op.Object, op.FirstBlock, op.Blocks);
        if (status is Errno.None)
        {
            status = Append(op, payload, out ulong sequence);
            if (status is Errno.None) { _waiting.PushBack((sequence, slot)); }
            else { _store.Release(op.Group, op.Object); }
        }
        payload.Release();
        if (status is Errno.Again or Errno.NoSpace) { _volume.Log.NotifyWhenRoom(op); }
        else if (status is not Errno.None) { throw OperatorException.FromErrno(status, "bench store"); }
    }

    private Errno Append(StoreSlot op, PooledBuffer payload, out ulong sequence)
    {
        bool known = _volume.Log.TryGetGroup(op.Group, out LogGroupInfo info);
        Invariant.Require(known);
        op.Index = info.LastIndex + 1;
        EntryRecord record = new()
        {
            Group = op.Group,
            Incarnation = info.Incarnation,
            Index = op.Index,
            Term = 1,
            Header = _header,
            Crcs = op.Sums(payload),
        };
        return _volume.Log.TryAppendEntry(in record, payload, 0, _options.BlockBytes, this, out sequence, out _);
    }

    public void OnLogDurable(ulong sequence)
    {
        while (!_waiting.IsEmpty && _waiting[0].Sequence <= sequence)
        {
            int slot = _waiting.PopFront().Slot;
            StoreSlot op = _slots[slot];
            bool found = _volume.Log.TryGetPayloadAt(op.Group, op.Index, out LogLocation at); // the cleaner may have moved it
            Invariant.Require(found);
            _store.ApplyWrite(op.Group, op.Object, op.Index, op.FirstBlock, op.Blocks, at, op.Crcs);
            _applied[op.Group.Value] = op.Index;
            Done(slot, Errno.None);
        }
    }

    public void OnLogFailed(Errno status)
    {
        while (_waiting.TryPopFront(out (ulong Sequence, int Slot) waiting)) { Done(waiting.Slot, status); }
    }

    // ---- what the cleaner asks ----

    public async ReactorTask<ulong> ReleaseUpToAsync(PgId group, ulong upTo)
    {
        ulong applied = _applied[group.Value];
        SaveApplied(group, applied, out Errno status, out ulong sequence);
        if (status is not Errno.None) { return 0; }
        return await _volume.Log.WaitDurableAsync(sequence) is Errno.None ? Math.Min(applied, upTo) : 0;
    }

    public void OnEntryLost(PgId group, ulong index) => throw new OperatorException(ExitCode.Failed, "bench store: the log has lost an entry");

    public Errno SaveLosses() => Errno.None;

    public void OnEntry(in ReplayedEntry entry) { }

    public void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm) { }

    public void OnCorruption(in LogCorruption corruption) { }

    private void SaveApplied(PgId group, ulong applied, out Errno status, out ulong sequence)
    {
        Span<byte> key = stackalloc byte[16];
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(key, 0x6465_696c_7070_61); // "applied"
        BinaryPrimitives.WriteUInt64LittleEndian(key[8..], group.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(value, applied);
        _batch.Clear();
        bool fits = _batch.TryPut(key, value);
        Invariant.Require(fits);
        status = _volume.Kv.Commit(_batch, null, out sequence);
    }

    /// <summary>Makes the groups, and for reads writes every place once.</summary>
    private async ReactorTask PrepareAsync()
    {
        ulong last = 0;
        for (uint g = 0; g < Groups; g++)
        {
            Errno status = _volume.Log.TryAppendReset(new PgId(g), 1, 0, 0, null, out last);
            if (status is not Errno.None) { throw OperatorException.FromErrno(status, "bench store"); }
        }
        _ = await _volume.Log.WaitDurableAsync(last);
        _volume.Log.StartCleaner(this, _mover);
        if (!Reads) { return; }
        _fills = true;
        while (_next < _places) { _ = await RunAsync(50 * Units.NanosPerMilli); }
        _fills = false;
    }

    private sealed class NoReplay : IReplaySink
    {
        public void OnEntry(in ReplayedEntry entry) { }

        public void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm) { }

        public void OnCorruption(in LogCorruption corruption) { }
    }

    /// <summary>One operation in flight; run when what it waits for may be there.</summary>
    private sealed class StoreSlot(StoreBench bench, int index, int bytes) : IRunnable
    {
        private readonly uint[] _sums = new uint[bytes / Units.BlockBytes];
        private readonly SlotRead _read = new(bench, index);
        private PooledBuffer? _buffer;

        public PgId Group { get; private set; }
        public ObjectId Object { get; private set; }
        public int FirstBlock { get; private set; }
        public int Blocks => _sums.Length;
        public ReadOnlySpan<uint> Crcs => _sums;
        public ulong Index { get; set; }

        public void Choose(long number, int firstBlock)
        {
            Object = new ObjectId(new ImageId(1), (uint)number);
            Group = new PgId((ulong)number % Groups);
            FirstBlock = firstBlock;
        }

        public void Run() => bench.StartWrite(index);

        public ReadOnlySpan<uint> Sums(PooledBuffer payload)
        {
            for (int i = 0; i < _sums.Length; i++) { _sums[i] = Crc32C.Compute(payload.Span(i * Units.BlockBytes, Units.BlockBytes)); }
            return _sums;
        }

        public void Read(ObjectStore store)
        {
            _buffer ??= bench.Reactor.Buffers.TryRent(bytes)!;
            _read.Prepare(Group, Object, FirstBlock, Blocks, _buffer);
            store.Read(_read);
        }
    }

    private sealed class SlotRead(StoreBench bench, int index) : ObjectRead
    {
        protected override void OnCompleted(Errno status) => bench.Done(index, status);
    }
}
