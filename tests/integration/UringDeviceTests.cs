using System;
using System.Collections.Generic;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>The disk driver on real files, with the whole ring and with each of its features forced off.</summary>
[Collection("kernel")]
public sealed class UringDeviceTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    public static TheoryData<string> Variants =>
    [
        "all", "no sq array", "no defer", "no single issuer", "no coop", "no taskrun flag", "no submit all",
        "no registered ring", "no registered buffers", "nothing",
    ];

    private static UringOptions OptionsOf(string variant) => variant switch
    {
        "no sq array" => new UringOptions { Without = UringSetup.NoSqArray },
        "no defer" => new UringOptions { Without = UringSetup.DeferTaskrun },
        "no single issuer" => new UringOptions { Without = UringSetup.SingleIssuer },
        "no coop" => new UringOptions { Without = UringSetup.CoopTaskrun },
        "no taskrun flag" => new UringOptions { Without = UringSetup.TaskrunFlag },
        "no submit all" => new UringOptions { Without = UringSetup.SubmitAll },
        "no registered ring" => new UringOptions { WithoutRegisteredRing = true },
        "no registered buffers" => new UringOptions { WithoutRegisteredBuffers = true },
        "nothing" => new UringOptions
        {
            Without = UringSetup.NoSqArray | UringSetup.DeferTaskrun | UringSetup.SingleIssuer | UringSetup.CoopTaskrun
                | UringSetup.TaskrunFlag | UringSetup.SubmitAll,
            WithoutRegisteredRing = true,
            WithoutRegisteredBuffers = true,
        },
        _ => new UringOptions(),
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public void Written_data_is_read_back_whatever_the_ring_can_do(string variant)
    {
        UringOptions options = OptionsOf(variant) with { SqEntries = 8, CqEntries = 16 };
        using UringRig rig = new(options);
        Assert.Equal(UringSetup.None, rig.Source.Features & options.Without);
        using UringFile file = Create("data", 4 * Units.MiB);
        UringDevice device = new(rig.Reactor, file, queueDepth: 32);
        List<ReactorTask<Errno>> tasks = [];
        List<PooledBuffer> buffers = [];
        for (int i = 0; i < 60; i++)
        {
            PooledBuffer buffer = rig.Buffers.TryRent(4096)!;
            buffers.Add(buffer);
            buffer.Span(0, 4096).Fill((byte)(i + 1));
            tasks.Add(device.WriteAsync(i * 8192L, buffer, 0, 4096, durable: i % 2 == 0));
        }
        foreach (ReactorTask<Errno> task in tasks) { Assert.Equal(Errno.None, rig.Run(task)); }
        Assert.Equal(Errno.None, rig.Run(device.FlushAsync()));
        tasks.Clear();
        for (int i = 0; i < 60; i++)
        {
            buffers[i].Span(0, 4096).Clear();
            tasks.Add(device.ReadAsync(i * 8192L, buffers[i], 0, 4096));
        }
        foreach (ReactorTask<Errno> task in tasks) { Assert.Equal(Errno.None, rig.Run(task)); }
        for (int i = 0; i < 60; i++)
        {
            Assert.Equal((byte)(i + 1), buffers[i].Span(0, 4096)[4095]);
            buffers[i].Release();
        }
        Assert.Equal(0, rig.Buffers.Outstanding);
    }

    [Fact]
    public unsafe void Scattered_memory_arrives_in_order()
    {
        using UringRig rig = new();
        using UringFile file = Create("data", Units.MiB);
        UringDevice device = new(rig.Reactor, file);
        PooledBuffer buffer = rig.Buffers.TryRent(1 << 20)!;
        IoOperation write = IoOperation.Rent();
        write.Prepare(IoKind.Write, 16384);
        for (int i = 0; i < 20; i++)
        {
            buffer.Span(i * 16384, 4096).Fill((byte)(i + 1)); // every fourth block: they do not merge
            Assert.True(write.TryAddSegment(buffer.Pointer + i * 16384, 4096));
        }
        Assert.Equal(20, write.SegmentCount);
        Assert.Equal(Errno.None, rig.Run(write.RunAsync(device)));
        Assert.Equal(Errno.None, rig.Run(device.ReadAsync(16384, buffer, 0, 20 * 4096)));
        for (int i = 0; i < 20; i++) { Assert.Equal((byte)(i + 1), buffer.Span(i * 4096, 4096)[77]); }
        buffer.Release();
    }

    [Fact]
    public void Discard_gives_space_back_and_leaves_neighbours_alone()
    {
        using UringRig rig = new();
        using UringFile file = Create("data", 4 * Units.MiB);
        UringDevice device = new(rig.Reactor, file);
        PooledBuffer buffer = rig.Buffers.TryRent(1 << 20)!;
        buffer.Span(0, 1 << 20).Fill(0xAB);
        Assert.Equal(Errno.None, rig.Run(device.WriteAsync(0, buffer, 0, 1 << 20, durable: true)));
        Assert.Equal(Errno.None, rig.Run(device.DiscardAsync(65536, 131072)));
        Assert.Equal(Errno.None, rig.Run(device.ReadAsync(0, buffer, 0, 1 << 20)));
        Assert.Equal(0xAB, buffer.Span(65535, 1)[0]);
        Assert.Equal(0xAB, buffer.Span(65536 + 131072, 1)[0]);
        Assert.Equal(0, buffer.Span(65536, 1)[0]); // ext4, xfs, btrfs and tmpfs make holes
        buffer.Release();
    }

    [Fact]
    public void Requests_outside_the_device_fail_without_touching_it()
    {
        using UringRig rig = new();
        using UringFile file = Create("data", Units.MiB);
        UringDevice device = new(rig.Reactor, file);
        PooledBuffer buffer = rig.Buffers.TryRent(8192)!;
        Assert.Equal(Errno.Invalid, rig.Run(device.WriteAsync(Units.MiB - 4096, buffer, 0, 8192)));
        Assert.Equal(Errno.Invalid, rig.Run(device.ReadAsync(Units.TiB, buffer, 0, 4096)));
        Assert.Equal(Errno.Invalid, rig.Run(device.DiscardAsync(0, 2 << 20)));
        buffer.Release();
    }

    [Fact]
    public void A_file_that_was_cut_short_gives_an_error_and_not_a_hang()
    {
        using UringRig rig = new();
        using UringFile file = Create("data", Units.MiB);
        UringDevice device = new(rig.Reactor, file);
        using (FileStream cutter = new(_directory.File("data"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            cutter.SetLength(8192);
        }
        PooledBuffer buffer = rig.Buffers.TryRent(16384)!;
        Assert.Equal(Errno.Io, rig.Run(device.ReadAsync(0, buffer, 0, 16384))); // half is there
        Assert.Equal(Errno.Io, rig.Run(device.ReadAsync(65536, buffer, 0, 4096)));
        buffer.Release();
    }

    [Fact]
    public void A_second_opener_is_refused_until_the_first_has_closed()
    {
        UringFile first = Create("data", Units.MiB);
        Assert.Equal(Errno.Busy, UringFile.TryOpen(_directory.File("data"), out _, out string whyNot));
        Assert.Contains("in use by another fastblock process", whyNot, StringComparison.Ordinal);
        first.Dispose();
        Assert.Equal(Errno.None, UringFile.TryOpen(_directory.File("data"), out UringFile? second, out _));
        second!.Dispose();
    }

    [Fact]
    public void What_cannot_be_a_device_is_refused_in_words()
    {
        Assert.Equal(Errno.NotFound, UringFile.TryOpen(_directory.File("none"), out _, out string missing));
        Assert.Contains("does not exist", missing, StringComparison.Ordinal);
        Assert.Equal(Errno.Invalid, UringFile.TryOpen("/dev/null", out _, out string character));
        Assert.Contains("neither a regular file nor a block device", character, StringComparison.Ordinal);
        File.WriteAllText(_directory.File("empty"), "");
        Assert.Equal(Errno.Invalid, UringFile.TryOpen(_directory.File("empty"), out _, out string empty));
        Assert.Contains("give it a size", empty, StringComparison.Ordinal);
        Assert.Equal(Errno.None, UringFile.TryCreate(_directory.File("new"), Units.MiB));
        Assert.Equal(Errno.Exists, UringFile.TryCreate(_directory.File("new"), Units.MiB));
    }

    [Fact]
    public void Memory_that_may_not_be_locked_is_used_unregistered()
    {
        Assert.Equal(0, Libc.getrlimit(Libc.RLIMIT_MEMLOCK, out ResourceLimit limit));
        using UringRig rig = new(classes: [(1 << 20, 8)]);
        // Root may lock anything, so both outcomes are right; what counts is that I/O works in either.
        Assert.True(rig.Source.HasRegisteredBuffers || limit.Hard < 16 << 20);
        using UringFile file = Create("data", Units.MiB);
        UringDevice device = new(rig.Reactor, file);
        PooledBuffer buffer = rig.Buffers.TryRent(4096)!;
        Assert.Equal(rig.Source.HasRegisteredBuffers, buffer.RegisteredIndex >= 0);
        Assert.Equal(Errno.None, rig.Run(device.WriteAsync(0, buffer, 0, 4096)));
        buffer.Release();
    }

    [Fact]
    public void A_partition_moves_offsets_and_guards_its_ends()
    {
        using UringRig rig = new();
        using UringFile file = Create("data", Units.MiB);
        UringDevice device = new(rig.Reactor, file);
        DevicePartition part = new(rig.Reactor, device, 65536, 131072);
        DevicePartition inner = new(rig.Reactor, part, 8192, 16384);
        PooledBuffer buffer = rig.Buffers.TryRent(4096)!;
        buffer.Span(0, 4096).Fill(0x5A);
        Assert.Equal(Errno.None, rig.Run(inner.WriteAsync(4096, buffer, 0, 4096)));
        Assert.Equal(Errno.Invalid, rig.Run(inner.WriteAsync(16384, buffer, 0, 4096)));
        buffer.Span(0, 4096).Clear();
        Assert.Equal(Errno.None, rig.Run(device.ReadAsync(65536 + 8192 + 4096, buffer, 0, 4096)));
        Assert.Equal(0x5A, buffer.Span(0, 1)[0]);
        buffer.Release();
    }

    [Fact]
    public void Another_thread_wakes_a_sleeping_reactor()
    {
        using BufferPool buffers = new([(4096, 1)]);
        Assert.Equal(Errno.None, UringEventSource.TryCreate(
            BootClock.Instance, buffers, new UringOptions(), out UringEventSource? source, out _));
        Reactor reactor = new(0, BootClock.Instance, new Prng(1), source!, buffers,
            new ReactorOptions { Strategy = WaitStrategy.Sleep });
        ReactorThread thread = new(reactor, core: 0, "test-reactor");
        thread.Start();
        foreach (WaitStrategy strategy in (ReadOnlySpan<WaitStrategy>)[WaitStrategy.Sleep, WaitStrategy.Adaptive, WaitStrategy.Busy])
        {
            reactor.Strategy = strategy;
            using Signal signal = new();
            for (int i = 0; i < 200; i++)
            {
                reactor.Post(signal);
                Assert.True(signal.Wait());
            }
        }
        thread.Stop();
        Assert.Equal(Errno.None, thread.PinResult);
    }

    [Fact]
    public void A_hundred_thousand_device_requests_allocate_nothing()
    {
        using UringRig rig = new();
        using UringFile file = Create("data", 4 * Units.MiB);
        Loop loop = new(new UringDevice(rig.Reactor, file), rig.Buffers);
        loop.Start(2_000);
        rig.Until(() => loop.Left == 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        loop.Start(100_000);
        while (loop.Left > 0) { _ = rig.Reactor.RunOnce(); }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(Errno.None, loop.Worst);
    }

    private UringFile Create(string name, long sizeBytes)
    {
        string path = _directory.File(name);
        Assert.Equal(Errno.None, UringFile.TryCreate(path, sizeBytes));
        Assert.Equal(Errno.None, UringFile.TryOpen(path, out UringFile? file, out _));
        return file!;
    }

    private sealed class Signal : IRunnable, IDisposable
    {
        private readonly System.Threading.AutoResetEvent _event = new(false);

        public void Run() => _event.Set();

        public bool Wait() => _event.WaitOne(TimeSpan.FromSeconds(10));

        public void Dispose() => _event.Dispose();
    }

    /// <summary>Sixteen reads at a time, each started again when it completes.</summary>
    private sealed class Loop
    {
        private readonly Request[] _requests = new Request[16];

        public unsafe Loop(UringDevice device, BufferPool buffers)
        {
            for (int i = 0; i < _requests.Length; i++)
            {
                _requests[i] = new Request(this, device, buffers.TryRent(4096)!, i * 4096);
            }
        }

        public int Left { get; private set; }

        public Errno Worst { get; private set; }

        private int _toStart;

        public void Start(int count)
        {
            Left = count;
            _toStart = count;
            foreach (Request request in _requests) { request.Go(); }
        }

        private sealed class Request(Loop loop, UringDevice device, PooledBuffer buffer, long offset) : IoRequest
        {
            public unsafe void Go()
            {
                if (loop._toStart == 0) { return; }
                loop._toStart--;
                Prepare(IoKind.Read, offset);
                _ = TryAddSegment(buffer.Pointer, 4096);
                RegisteredIndex = buffer.RegisteredIndex;
                device.Submit(this);
            }

            protected override void OnCompleted(Errno status)
            {
                loop.Left--;
                if (status is not Errno.None) { loop.Worst = status; }
                Go();
            }
        }
    }
}
