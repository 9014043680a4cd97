using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Tests.Unit.Native;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Goal: the reactor allocates nothing per I/O. Method: reserve, apply, read and move home over and over, and look at the
/// thread's allocation counter.</summary>
public sealed class ObjectSteadyStateTests
{
    private sealed class NullRecords : IObjectRecords
    {
        private ILogListener? _listener;
        private ulong _sequence;

        public void Begin() { }

        public bool TryPut(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => true;

        public bool TryDelete(ReadOnlySpan<byte> key) => true;

        public Errno Commit(ILogListener listener, bool cleaning, out ulong sequence)
        {
            sequence = ++_sequence;
            _listener = listener;
            return Errno.None;
        }

        public void Scan(byte prefix, IObjectRecordSink sink) { }

        public void Pump() => _listener?.OnLogDurable(_sequence);
    }

    private sealed class CountingRead : ObjectRead
    {
        public int Good { get; private set; }
        public bool Busy { get; set; }

        protected override void OnCompleted(Errno status)
        {
            Busy = false;
            if (status is Errno.None) { Good++; }
        }
    }

    [Fact]
    public void Writes_reads_and_moves_home_allocate_nothing()
    {
        const int LogBlocks = 64;
        using BufferPool buffers = new([(64 * 1024, 8)]);
        Reactor reactor = new(0, new ManualClock(), new Prng(1), new NullEventSource(), buffers);
        long logBytes = LogBlocks * Units.BlockBytes;
        using MemoryDevice device = new(reactor, logBytes + (64 * 65536));
        ObjectStoreOptions options = new()
        {
            DataOffset = logBytes,
            DataBytes = 64 * 65536,
            DeviceBytes = device.SizeBytes,
            LogBytes = logBytes,
            SegmentBytes = logBytes,
            CrcCacheBytes = 2 * Units.BlockBytes,
        };
        NullRecords records = new();
        using ObjectStore store = new(reactor, device, records, options);
        using ObjectMover mover = new(store);
        _ = store.Load();
        LogRange[] ranges = [new LogRange(new LogLocation(0), LogBlocks)];
        PooledBuffer buffer = buffers.TryRent(64 * 1024)!;
        CountingRead read = new();
        PgId group = new(1);
        uint[] crcs = [store.ZeroBlockCrc];
        ulong version = 0;
        long before = 0;
        for (int round = 0; round < 60; round++)
        {
            if (round == 20) { before = GC.GetAllocatedBytesForCurrentThread(); }
            for (int i = 0; i < LogBlocks; i++)
            {
                ObjectId obj = new(new ImageId(1), (uint)(i % 4));
                int block = (i * 3) % 30;
                if (store.TryReserve(group, obj, block, 1) is not Errno.None) { Assert.Fail("no room"); }
                store.ApplyWrite(group, obj, ++version, block, 1, new LogLocation((long)i * Units.BlockBytes), crcs);
                if (i % 16 == 7) { store.ApplyDiscard(group, obj, ++version, 0, 16); }
                read.Prepare(group, obj, 0, 16, buffer);
                read.Busy = true;
                store.Read(read);
                while (read.Busy) { _ = reactor.RunOnce(); }
            }
            ReactorTask<Errno> moving = mover.MoveHomeAsync(ranges);
            while (!moving.IsCompleted)
            {
                _ = reactor.RunOnce();
                records.Pump();
            }
            if (moving.TakeResult() is not Errno.None) { Assert.Fail("move"); }
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(60 * LogBlocks, read.Good);
        Assert.Equal(0, allocated);
        store.CheckInvariants();
        buffer.Release();
    }
}
