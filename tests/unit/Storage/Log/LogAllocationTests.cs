using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Unit.Native;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>Appending, reporting and serving recent entries allocates nothing in steady state.</summary>
public sealed class LogAllocationTests : IReplaySink, ILogListener, IDisposable
{
    private readonly BufferPool _buffers = new([(4096, 8192)]);
    private readonly Reactor _reactor;
    private readonly MemoryDevice _device;
    private ulong _durable;

    public LogAllocationTests()
    {
        _reactor = new Reactor(0, new ManualClock(), new Prng(1), new NullEventSource(), _buffers);
        _device = new MemoryDevice(_reactor, 600L << 20);
    }

    [Fact]
    public void Thousands_of_appends_allocate_nothing()
    {
        DiskLog log = Open();
        PgId group = new(1);
        Assert.Equal(Errno.None, log.TryAppendReset(group, 1, 0, 0, null, out _));
        Round(log, group, 60_000); // the group's index and all queues reach their size
        Assert.Equal(Errno.None, log.TryAppendReset(group, 1, 0, 0, null, out _));
        LogEntryBuffer read = new();
        Assert.Equal(Errno.None, log.TryAppendReset(new PgId(2), 1, 0, 0, null, out _));
        ulong last = 0;
        Assert.Equal(0, Allocations.LeastOf(() =>
        {
            Round(log, group, 5_000, last);
            last += 5_000;
            for (ulong index = last - 1_000; index <= last; index++)
            {
                Invariant.Require(log.TryReadCached(group, index, withPayload: false, read) is Errno.None);
            }
        }));
        Assert.Equal(log.LastSequence, _durable);
        log.Abandon();
    }

    void ILogListener.OnLogDurable(ulong sequence) => _durable = sequence;

    void ILogListener.OnLogFailed(Errno status) => Assert.Fail(status.ToString());

    void IReplaySink.OnEntry(in ReplayedEntry entry) { }

    void IReplaySink.OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm) { }

    void IReplaySink.OnCorruption(in LogCorruption corruption) { }

    public void Dispose()
    {
        _device.Dispose();
        _buffers.Dispose();
    }

    private void Round(DiskLog log, PgId group, ulong count, ulong behind = 0)
    {
        Span<byte> header = stackalloc byte[64];
        Span<uint> crcs = [7];
        for (ulong index = behind + 1; index <= behind + count; index++)
        {
            PooledBuffer payload = _buffers.TryRent(4096)!;
            EntryRecord record = new() { Group = group, Incarnation = 1, Index = index, Term = 1, Header = header, Crcs = crcs };
            Errno status = log.TryAppendEntry(in record, payload, 0, 4096, this, out _, out _);
            Invariant.Require(status is Errno.None);
            payload.Release();
            if (index % 32 == 0) { _ = _reactor.RunOnce(); }
        }
        for (int i = 0; i < 10; i++) { _ = _reactor.RunOnce(); }
    }

    private DiskLog Open()
    {
        VolumeFormatOptions options = new()
        {
            Cluster = new Guid(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
            Kind = NodeKind.Mon,
            NodeId = 0,
            Device = new Guid(2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
        };
        VolumeLabel label = Run(DeviceVolume.FormatAsync(_reactor, _device, options)).Label!;
        DevicePartition part = new(_reactor, _device, label.PartOffset(0), label.PartBytes);
        ShardVolume volume = Run(ShardVolume.OpenAsync(_reactor, part, label, 0)).Volume!;
        return Run(DiskLog.OpenAsync(_reactor, volume, new DiskLogOptions(), this, new KvStore())).Log!;
    }

    private T Run<T>(ReactorTask<T> task)
    {
        while (!task.IsCompleted) { _ = _reactor.RunOnce(); }
        return task.TakeResult();
    }
}
