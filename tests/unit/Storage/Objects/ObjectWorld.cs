using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Tests.Unit.Native;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>An object store on a slow device with a toy log (a ring of segments whose entries are durable at once) and a naive
/// model of what every block must hold. Crashes keep device and records, as far as they were durable, and the log's
/// entries; then everything is opened and replayed as in production.</summary>
internal sealed class ObjectWorld : IDisposable
{
    private enum Kind
    {
        Write,
        Discard,
        DeleteImage,
        CutImage,
    }

    private sealed record Entry(
        int Segment, ulong Index, Kind Kind, PgId Group, ObjectId Object, int First, int Blocks, LogLocation At, uint[] Crcs);

    private readonly ManualClock _clock = new();
    private readonly BufferPool _buffers;
    private readonly List<Entry> _entries = [];
    private readonly Dictionary<(PgId, ObjectId, int), ulong> _model = [];
    private readonly List<((PgId, ObjectId, int) Key, ulong Stamp)> _pendingModel = [];
    private readonly List<TestRead> _reads = [];
    private readonly Stack<TestRead> _idleReads = new();
    private readonly int _segments;
    private readonly int _segmentBlocks;
    private int _headSegment;
    private int _headBlock;
    private int _oldestSegment;
    private int _usedSegments = 1;
    private ulong _stamp;

    public ObjectWorld(ulong seed, int dataAus = 256, int auBytes = 8192, int objectBytes = 64 * 1024, int segments = 6,
        int segmentBlocks = 32, uint reserve = 8, int moveObjects = 3, int moveBlocks = 8, int chunk = 5)
    {
        Prng = new Prng(seed);
        _segments = segments;
        _segmentBlocks = segmentBlocks;
        long logBytes = (long)segments * segmentBlocks * Units.BlockBytes;
        Options = new ObjectStoreOptions
        {
            DataOffset = logBytes,
            DataBytes = (long)dataAus * auBytes,
            DeviceBytes = logBytes + ((long)dataAus * auBytes),
            LogBytes = logBytes,
            SegmentBytes = segmentBlocks * Units.BlockBytes,
            AuBytes = auBytes,
            ObjectBytes = objectBytes,
            CrcCacheBytes = 4 * Units.BlockBytes,
            ReserveAus = reserve,
            MoveObjects = moveObjects,
            MoveBlocks = moveBlocks,
            MoveChunkBlocks = chunk,
            MoveRequestsMin = 1,
            MoveRequestsMax = 3,
        };
        Device = new SlowDevice(Options.DeviceBytes, Prng.Fork());
        _buffers = new BufferPool([(64 * 1024, 64)], poison: true);
        Reactor = new Reactor(0, _clock, Prng.Fork(), new NullEventSource(), _buffers);
        Store = null!;
        Mover = null!;
        Open();
    }

    public Prng Prng { get; }
    public ObjectStoreOptions Options { get; }
    public SlowDevice Device { get; }
    public TestRecords Records { get; } = new();
    public Reactor Reactor { get; private set; }
    public ObjectStore Store { get; private set; }
    public ObjectMover Mover { get; private set; }
    public ulong Index { get; private set; }
    public int UsedSegments => _usedSegments;
    public int Objects { get; set; } = 6;
    public int Images { get; set; } = 2;
    public int Groups { get; set; } = 2;

    public (PgId Group, ObjectId Object) PickObject() => (
        new PgId(new PoolId(1), (uint)Prng.Below(Groups)),
        new ObjectId(new ImageId(1 + (ulong)Prng.Below(Images)), (uint)Prng.Below(Objects)));

    /// <summary>Reserves, appends and applies. False = refused for lack of room in store or log.</summary>
    public bool TryWrite(PgId group, ObjectId obj, int first, int blocks)
    {
        if (!LogHasRoom(blocks)) { return false; }
        Errno status = Store.TryReserve(group, obj, first, blocks);
        if (status is Errno.NoSpace) { return false; }
        Assert.Equal(Errno.None, status);
        uint[] crcs = new uint[blocks];
        LogLocation at = NextLocation(blocks);
        for (int b = 0; b < blocks; b++)
        {
            byte[] block = Contents(++_stamp);
            crcs[b] = Crc32C.Compute(block);
            block.CopyTo(Device.Bytes.AsSpan((int)at.DeviceOffset + (b * Units.BlockBytes)));
            _model[(group, obj, first + b)] = _stamp;
        }
        Add(new Entry(_headSegment, ++Index, Kind.Write, group, obj, first, blocks, at, crcs));
        return true;
    }

    public bool TryDiscard(PgId group, ObjectId obj, int first, int blocks)
    {
        if (!LogHasRoom(1)) { return false; }
        for (int b = first; b < first + blocks; b++) { _ = _model.Remove((group, obj, b)); }
        Add(new Entry(_headSegment, ++Index, Kind.Discard, group, obj, first, blocks, NextLocation(1), []));
        return true;
    }

    public bool TryDeleteImage(PgId group, ImageId image)
    {
        if (!LogHasRoom(1)) { return false; }
        foreach ((PgId, ObjectId, int) key in new List<(PgId, ObjectId, int)>(_model.Keys))
        {
            if (key.Item1 == group && key.Item2.Image == image) { _ = _model.Remove(key); }
        }
        Add(new Entry(_headSegment, ++Index, Kind.DeleteImage, group, new ObjectId(image, 0), 0, 0, NextLocation(1), []));
        return true;
    }

    public bool TryCutImage(PgId group, ObjectId first)
    {
        if (!LogHasRoom(1)) { return false; }
        foreach ((PgId, ObjectId, int) key in new List<(PgId, ObjectId, int)>(_model.Keys))
        {
            if (key.Item1 == group && key.Item2.Image == first.Image && key.Item2.Index >= first.Index) { _ = _model.Remove(key); }
        }
        Add(new Entry(_headSegment, ++Index, Kind.CutImage, group, first, 0, 0, NextLocation(1), []));
        return true;
    }

    /// <summary>The object's blocks as the model has them now, made the contents of <paramref name="buffer"/>.</summary>
    public uint[] NewContents(PgId group, ObjectId obj, int first, int blocks, PooledBuffer buffer)
    {
        uint[] crcs = new uint[blocks];
        for (int b = 0; b < blocks; b++)
        {
            byte[] block = Contents(++_stamp);
            block.CopyTo(buffer.Span(b * Units.BlockBytes, Units.BlockBytes));
            crcs[b] = Crc32C.Compute(block);
            _pendingModel.Add(((group, obj, first + b), _stamp));
        }
        return crcs;
    }

    /// <summary>An installation of the object has ended: the model takes what was passed to NewContents, or forgets it.</summary>
    public void EndInstall(PgId group, ObjectId obj, bool installed)
    {
        if (installed)
        {
            for (int b = 0; b < Options.BlocksPerObject; b++) { _ = _model.Remove((group, obj, b)); }
            foreach (((PgId, ObjectId, int) key, ulong stamp) in _pendingModel) { _model[key] = stamp; }
        }
        _pendingModel.Clear();
    }

    public ulong NextIndex() => ++Index;

    public ulong StampOf(PgId group, ObjectId obj, int block) => _model.GetValueOrDefault((group, obj, block));

    /// <summary>Starts a read; it is checked against the model of this moment when it completes.</summary>
    public TestRead StartRead(PgId group, ObjectId obj, int first, int blocks)
    {
        if (!_idleReads.TryPop(out TestRead? read)) { read = new TestRead(); }
        read.Begin();
        read.Prepare(group, obj, first, blocks, TestRead.Rent(_buffers, blocks));
        read.Expected.Clear();
        for (int b = 0; b < blocks; b++) { read.Expected.Add(StampOf(group, obj, first + b)); }
        _reads.Add(read);
        Store.Read(read);
        return read;
    }

    /// <summary>One loop iteration in which some of what is under way completes.</summary>
    public void Step()
    {
        _clock.NowNanos += Units.NanosPerMilli;
        Device.Pump();
        if (!Device.IsStopped && Records.HasPending && Prng.Chance(500_000))
        {
            Device.CountStep();
            Records.Pump(1);
        }
        _ = Reactor.RunOnce();
        for (int i = _reads.Count - 1; i >= 0; i--)
        {
            TestRead read = _reads[i];
            if (!read.IsDone) { continue; }
            _reads.RemoveAt(i);
            Check(read);
            read.ReleaseBuffer();
            _idleReads.Push(read);
        }
    }

    /// <summary>Steps until the task has ended, or the device has stopped.</summary>
    public bool Run(ReactorTask<Errno> task, Errno expected = Errno.None)
    {
        for (int i = 0; !task.IsCompleted; i++)
        {
            if (Device.IsStopped) { return false; }
            Assert.True(i < 20_000, "the operation does not end");
            Step();
        }
        Assert.Equal(expected, task.TakeResult());
        return true;
    }

    /// <summary>Steps until nothing is under way.</summary>
    public void Settle()
    {
        for (int i = 0; Device.HasPending || Records.HasPending || _reads.Count > 0 || Reactor.HasWork; i++)
        {
            Assert.True(i < 20_000, "it does not come to rest");
            Step();
        }
        for (int i = 0; i < 5; i++) { Step(); }
    }

    /// <summary>Begins to clean the oldest segment; call <see cref="EndClean"/> when the task has ended with None.</summary>
    public ReactorTask<Errno> StartClean()
    {
        int pressure = Prng.Below(101);
        return StartClean(() => pressure);
    }

    /// <inheritdoc cref="StartClean()"/>
    public ReactorTask<Errno> StartClean(Func<int> pressure)
    {
        if (_oldestSegment == _headSegment) { NextSegment(); }
        long start = (long)_oldestSegment * _segmentBlocks * Units.BlockBytes;
        return Mover.MoveHomeAsync([new LogRange(new LogLocation(start), _segmentBlocks)], pressure);
    }

    public void EndClean()
    {
        _ = _entries.RemoveAll(e => e.Segment == _oldestSegment);
        // What is in the segment now belongs to the next writer.
        int bytes = _segmentBlocks * Units.BlockBytes;
        Device.Bytes.AsSpan(_oldestSegment * bytes, bytes).Fill(0xDD);
        _oldestSegment = (_oldestSegment + 1) % _segments;
        _usedSegments--;
    }

    /// <summary>Cleans one segment; false when the device stopped in it.</summary>
    public bool Clean()
    {
        if (!Run(StartClean())) { return false; }
        EndClean();
        return true;
    }

    /// <summary>Moves all that is in the log home and empties the log.</summary>
    public void CleanEverything()
    {
        for (int i = _usedSegments; i > 0; i--) { Assert.True(Clean()); }
        Settle();
        Assert.Equal(0, Store.OverlayBlocks);
        Assert.Equal(ChunkedSlab.None, Store.StaleHead);
    }

    /// <summary>With everything at home: the space used is exactly what the blocks of the model need.</summary>
    public void CheckAccounting()
    {
        Store.CheckInvariants();
        HashSet<(PgId, ObjectId, int)> slots = [];
        HashSet<(PgId, ObjectId)> objects = [];
        foreach ((PgId group, ObjectId obj, int block) in _model.Keys)
        {
            _ = slots.Add((group, obj, block / Options.BlocksPerAu));
            _ = objects.Add((group, obj));
        }
        long pageAus = Store.Blobs.PageAus;
        Assert.Equal(objects.Count, Store.Blobs.UsedPages);
        Assert.Equal((slots.Count + pageAus) * Options.AuBytes, Store.UsedBytes);
        Assert.Equal(Options.EffectiveReserveAus * Options.AuBytes, Store.ReservedBytes);
        long used = 0;
        List<ImageUsage> usage = [];
        for (int g = 0; g < Groups; g++)
        {
            Store.GetUsage(new PgId(new PoolId(1), (uint)g), usage);
            foreach (ImageUsage image in usage) { used += image.UsedBytes; }
        }
        Assert.Equal(slots.Count * (long)Options.AuBytes, used);
    }

    /// <summary>Power cut and restart, with replay of the log.</summary>
    public void Crash()
    {
        Device.CutPower();
        Records.Crash(Prng);
        foreach (TestRead read in _reads) { read.ReleaseBuffer(); }
        _reads.Clear();
        Reactor = new Reactor(0, _clock, Prng.Fork(), new NullEventSource(), _buffers);
        Open();
    }

    /// <summary>Reads every block of every object and compares.</summary>
    public void CheckAll()
    {
        for (int g = 0; g < Groups; g++)
        {
            for (int i = 1; i <= Images; i++)
            {
                for (int o = 0; o < Objects; o++)
                {
                    PgId group = new(new PoolId(1), (uint)g);
                    ObjectId obj = new(new ImageId((ulong)i), (uint)o);
                    _ = StartRead(group, obj, 0, Options.BlocksPerObject);
                    Settle();
                }
            }
        }
    }

    public void Dispose()
    {
        Mover.Dispose();
        Store.Dispose();
        _buffers.Dispose();
    }

    private void Open()
    {
        Store = new ObjectStore(Reactor, Device, Records, Options);
        Mover = new ObjectMover(Store);
        ObjectLoadResult result = Store.Load();
        Assert.Equal(0, result.Damaged);
        foreach (Entry entry in _entries) { Apply(entry); }
    }

    private void Add(Entry entry)
    {
        _entries.Add(entry);
        Apply(entry);
    }

    private void Apply(Entry e)
    {
        switch (e.Kind)
        {
            case Kind.Write: Store.ApplyWrite(e.Group, e.Object, e.Index, e.First, e.Blocks, e.At, e.Crcs); break;
            case Kind.Discard: Store.ApplyDiscard(e.Group, e.Object, e.Index, e.First, e.Blocks); break;
            case Kind.CutImage: Store.CutImage(e.Group, e.Object.Image, e.Object.Index, e.Index); break;
            default: Store.DeleteImage(e.Group, e.Object.Image, e.Index); break;
        }
    }

    private bool LogHasRoom(int blocks) => _headBlock + blocks <= _segmentBlocks || _usedSegments < _segments;

    private LogLocation NextLocation(int blocks)
    {
        if (_headBlock + blocks > _segmentBlocks) { NextSegment(); }
        LogLocation at = new((((long)_headSegment * _segmentBlocks) + _headBlock) * Units.BlockBytes);
        _headBlock += blocks;
        return at;
    }

    private void NextSegment()
    {
        Assert.True(_usedSegments < _segments);
        _headSegment = (_headSegment + 1) % _segments;
        _headBlock = 0;
        _usedSegments++;
    }

    private void Check(TestRead read)
    {
        Assert.Equal(Errno.None, read.Result);
        for (int b = 0; b < read.Blocks; b++)
        {
            ulong stamp = MemoryMarshal.Read<ulong>(read.Block(b));
            Assert.Equal(read.Expected[b], stamp);
            Assert.Equal(Crc32C.Compute(read.Block(b)), read.Crcs[b]);
        }
    }

    private static byte[] Contents(ulong stamp)
    {
        byte[] block = new byte[Units.BlockBytes];
        for (int i = 0; i < block.Length; i += 8) { BitConverter.TryWriteBytes(block.AsSpan(i), stamp + ((ulong)i << 40)); }
        return block;
    }
}
