using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Tests.Unit.Native;
using Xunit;

namespace Fastblock.Tests.Unit.Storage;

public sealed class MemoryDeviceTests
{
    private readonly BufferPool _buffers = new([(4096, 16), (65536, 4)]);
    private readonly Reactor _reactor;

    public MemoryDeviceTests() => _reactor = new Reactor(0, new ManualClock(), new Prng(1), new NullEventSource(), _buffers);

    [Fact]
    public void Completions_come_from_the_loop_and_never_from_within_Submit()
    {
        using MemoryDevice device = new(_reactor, Units.MiB);
        PooledBuffer buffer = _buffers.TryRent(4096)!;
        ReactorTask<Errno> write = device.WriteAsync(0, buffer, 0, 4096);
        ReactorTask<Errno> flush = device.FlushAsync();
        ReactorTask<Errno> outside = device.ReadAsync(Units.MiB, buffer, 0, 4096);
        Assert.False(write.IsCompleted || flush.IsCompleted || outside.IsCompleted);
        _ = _reactor.RunOnce();
        Assert.Equal(Errno.None, write.TakeResult());
        Assert.Equal(Errno.None, flush.TakeResult());
        Assert.Equal(Errno.Invalid, outside.TakeResult());
        buffer.Release();
    }

    [Fact]
    public void Blocks_read_as_written_and_as_zeros_before_and_after()
    {
        using MemoryDevice device = new(_reactor, Units.MiB);
        DevicePartition part = new(_reactor, device, 65536, 65536);
        PooledBuffer buffer = _buffers.TryRent(65536)!;
        buffer.Span(0, 65536).Fill(0x42);
        ReactorTask<Errno> write = part.WriteAsync(4096, buffer, 0, 8192);
        ReactorTask<Errno> read = part.ReadAsync(0, buffer, 0, 65536);
        _ = _reactor.RunOnce();
        Assert.Equal(Errno.None, write.TakeResult());
        Assert.Equal(Errno.None, read.TakeResult());
        Assert.Equal(0, buffer.Span(4095, 1)[0]);
        Assert.Equal(0x42, buffer.Span(4096, 1)[0]);
        Assert.Equal(0x42, buffer.Span(4096 + 8191, 1)[0]);
        Assert.Equal(0, buffer.Span(4096 + 8192, 1)[0]);
        Assert.Equal(0x42, device.Contents(65536 + 4096, 1)[0]);
        ReactorTask<Errno> discard = part.DiscardAsync(4096, 4096);
        _ = _reactor.RunOnce();
        Assert.Equal(Errno.None, discard.TakeResult());
        Assert.Equal(0, device.Contents(65536 + 4096, 1)[0]);
        buffer.Release();
    }

    [Fact]
    public void Large_discards_read_as_zeros_to_the_byte_and_leave_their_neighbours()
    {
        const int Bytes = (int)(12 * Units.MiB);
        using MemoryDevice device = new(_reactor, Bytes);
        device.Populate(Bytes);
        foreach ((int from, int length) in ((int, int)[])[(4096, Bytes - 8192), (3 << 20, 5 << 20), (0, Bytes), (4096, 2 << 20), (8192, 4096)])
        {
            device.Contents(0, Bytes).Fill(0x5A);
            ReactorTask<Errno> discard = device.DiscardAsync(from, length);
            _ = _reactor.RunOnce();
            Assert.Equal(Errno.None, discard.TakeResult());
            Assert.Equal(-1, device.Contents(from, length).IndexOfAnyExcept((byte)0));
            Assert.Equal(-1, device.Contents(0, from).IndexOfAnyExcept((byte)0x5A));
            Assert.Equal(-1, device.Contents(from + length, Bytes - from - length).IndexOfAnyExcept((byte)0x5A));
        }
    }

    [Fact]
    public void A_request_can_be_submitted_again_after_a_partition_moved_it()
    {
        using MemoryDevice device = new(_reactor, Units.MiB);
        DevicePartition part = new(_reactor, device, 65536, 65536);
        Request request = new();
        for (int i = 0; i < 3; i++)
        {
            request.Prepare(IoKind.Discard, 8192, 4096);
            part.Submit(request);
            Assert.Equal(65536 + 8192, request.OffsetBytes);
            _ = _reactor.RunOnce();
            Assert.Equal(8192, request.OffsetBytes);
            part.Submit(request); // again as it is
            _ = _reactor.RunOnce();
        }
        Assert.Equal([Errno.None, Errno.None, Errno.None, Errno.None, Errno.None, Errno.None], request.Outcomes);
        request.Dispose();
    }

    [Fact]
    public void The_null_device_reads_zeros_and_checks_bounds()
    {
        NullDevice device = new(_reactor, Units.MiB);
        PooledBuffer buffer = _buffers.TryRent(4096)!;
        buffer.Span(0, 4096).Fill(7);
        ReactorTask<Errno> write = device.WriteAsync(0, buffer, 0, 4096);
        ReactorTask<Errno> read = device.ReadAsync(0, buffer, 0, 4096);
        ReactorTask<Errno> outside = device.DiscardAsync(Units.MiB, 4096);
        _ = _reactor.RunOnce();
        Assert.Equal(Errno.None, write.TakeResult());
        Assert.Equal(Errno.None, read.TakeResult());
        Assert.Equal(Errno.Invalid, outside.TakeResult());
        Assert.Equal(0, buffer.Span(4095, 1)[0]);
        buffer.Release();
    }

    private sealed class Request : IoRequest
    {
        public List<Errno> Outcomes { get; } = [];

        protected override void OnCompleted(Errno status) => Outcomes.Add(status);
    }
}
