using System;
using System.Diagnostics;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Tests.Unit.Native;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.Integration;

/// <summary>Goal: no managed memory per I/O, so that the garbage collector never stops a reactor under load. Method: client, leader
/// and followers over real TCP in one thread; after a warm-up in which every table has grown and the log's ring has come round,
/// the thread's allocation counter may move by what the control plane (reports, watches) needs, and no more.</summary>
[Collection("kernel")]
public sealed class SteadyStateTests(ITestOutputHelper output)
{
    private const int Depth = 32;
    private const int Operations = 10_000;

    /// <summary>Each group's index of the log grows by doubling (98 KB at the end) until it has seen the longest stretch that the log
    /// ever holds: that may fall into some rounds, not into all.</summary>
    private const int Rounds = 4;
    private const int WarmUp = 24_000;
    private const long ImageBytes = 32 * Units.MiB;

    /// <summary>What the log's cleaner allocates for each segment, spread over its writes: measured 0.7 bytes each.</summary>
    private const long WriteBytesMax = 2 * Operations;

    /// <summary>Operations of a window in which nothing at all may be allocated: short enough to fall between two reports, and between
    /// two segments that are cleaned somewhere.</summary>
    private const int Window = 64;

    /// <summary>Reports, heartbeats and watches of monitor, OSDs and client, measured 8 KB.</summary>
    private const long ControlBytesPerSecond = 32 * 1024;

    [Fact]
    public void Writes_and_reads_allocate_nothing_on_client_leader_and_followers()
    {
        using OneThreadCluster cluster = new(osds: 3, osdBytes: 256 * Units.MiB);
        ImageClient image = cluster.OpenImage(pgs: 8, ImageBytes);
        using Load load = new(cluster, image);
        load.Run(isWrite: true, WarmUp);
        load.Run(isWrite: false, Operations / 4);
        (long writes, long writesControl) = Measured(() => load.Run(isWrite: true, Operations));
        (long reads, long readsControl) = Measured(() => load.Run(isWrite: false, Operations));
        output.WriteLine($"{Operations} writes: {writes} bytes; {Operations} reads: {reads} bytes");
        Assert.True(writes < writesControl + WriteBytesMax, $"{Operations} writes allocated {writes} bytes");
        Assert.True(reads < readsControl, $"{Operations} reads allocated {reads} bytes");
        Assert.Equal(0, Allocations.LeastOf(() => load.Run(isWrite: true, Window)));
        Assert.Equal(0, Allocations.LeastOf(() => load.Run(isWrite: false, Window)));
        Assert.True(cluster.Run(CloseAsync(image)));
    }

    /// <returns>What was allocated in the round with the least, and what the control plane may have allocated in that time.</returns>
    private static (long Bytes, long Control) Measured(Action action)
    {
        (long Bytes, long Control) least = (long.MaxValue, 0);
        for (int round = 0; round < Rounds; round++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            if (bytes < least.Bytes) { least = (bytes, (long)((watch.Elapsed.TotalSeconds + 1) * ControlBytesPerSecond)); }
        }
        return least;
    }

    private static async ReactorTask<bool> CloseAsync(ImageClient image)
    {
        await image.CloseAsync();
        return true;
    }

    /// <summary>Random 4 KiB I/O at a fixed depth.</summary>
    private sealed class Load : IImageIoListener, IDisposable
    {
        private readonly OneThreadCluster _cluster;
        private readonly ImageClient _image;
        private readonly ImageIo[] _ios = new ImageIo[Depth];
        private readonly PooledBuffer?[] _buffers = new PooledBuffer?[Depth];
        private readonly Prng _prng = new(11);
        private bool _isWrite;
        private int _left;
        private int _inFlight;
        private Errno _failure;

        public Load(OneThreadCluster cluster, ImageClient image)
        {
            (_cluster, _image) = (cluster, image);
            for (int i = 0; i < Depth; i++) { _ios[i] = new ImageIo(this) { Cookie = i }; }
        }

        public void Run(bool isWrite, int operations)
        {
            (_isWrite, _left) = (isWrite, operations);
            foreach (ImageIo io in _ios) { Start(io); }
            long deadline = Stopwatch.GetTimestamp() + (120 * Stopwatch.Frequency);
            while (_inFlight > 0 && Stopwatch.GetTimestamp() < deadline) { _cluster.Step(); }
            // Not Assert.Equal: it allocates.
            Assert.True(_inFlight == 0);
            Assert.True(_failure is Errno.None);
        }

        public void OnCompleted(ImageIo io)
        {
            _inFlight--;
            if (io.Status is not Errno.None) { _failure = io.Status; }
            io.Reset();
            _buffers[io.Cookie]?.Release();
            _buffers[io.Cookie] = null;
            Start(io);
        }

        public void Dispose()
        {
            foreach (PooledBuffer? buffer in _buffers) { buffer?.Release(); }
        }

        private void Start(ImageIo io)
        {
            if (_left == 0) { return; }
            _left--;
            _inFlight++;
            long offset = _prng.Below((int)(ImageBytes / Units.BlockBytes)) * (long)Units.BlockBytes;
            io.Prepare(_isWrite ? ImageOp.Write : ImageOp.Read, offset, Units.BlockBytes);
            if (_isWrite)
            {
                PooledBuffer buffer = _cluster.ClientReactor.Buffers.TryRent(Units.BlockBytes)!;
                buffer.Span(0, Units.BlockBytes).Fill((byte)(_left % 251));
                _buffers[io.Cookie] = buffer;
                io.AddData(buffer, 0, Units.BlockBytes);
            }
            _image.Submit(io);
        }
    }
}
