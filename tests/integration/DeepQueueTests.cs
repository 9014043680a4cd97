using System.Diagnostics;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>Goal: a deep queue of large writes always moves on, however few buffers the OSDs have, and all buffers come back.
/// Method: a client keeps far more bytes under way than all OSDs together have buffers for, over real TCP in one thread;
/// the log comes round, so that its cleaner needs buffers too.</summary>
[Collection("kernel")]
public sealed class DeepQueueTests
{
    private const long ImageBytes = 64 * Units.MiB;

    [Theory]
    [InlineData(64, 256, 2048)]
    [InlineData(256, 128, 768)]
    [InlineData(512, 64, 512)]
    public void Large_writes_move_on_when_the_OSDs_have_few_buffers(int kib, int depth, int operations)
    {
        int bytes = kib * 1024;
        using OneThreadCluster cluster = new(osds: 3, osdBytes: 256 * Units.MiB,
            osdBuffers: [(4096, 1024), (65536, 16), (256 * 1024, 8), (512 * 1024, 8)],
            clientBuffers: [(4096, 1024), (bytes, depth + 16), (1024 * 1024, 8)]);
        ImageClient image = cluster.OpenImage(pgs: 16, ImageBytes);
        DeepLoad load = new(cluster, image, bytes, depth);
        load.Run(operations);
        load.UntilBuffersAreBack();
    }

    /// <summary>Writes from the image's start to its end and again, each I/O with a buffer of its own.</summary>
    private sealed class DeepLoad : IImageIoListener
    {
        private readonly OneThreadCluster _cluster;
        private readonly ImageClient _image;
        private readonly int _bytes;
        private readonly ImageIo[] _ios;
        private readonly PooledBuffer[] _buffers;
        private int _left;
        private int _next;
        private int _inFlight;
        private int _completed;
        private Errno _failure;

        public DeepLoad(OneThreadCluster cluster, ImageClient image, int bytes, int depth)
        {
            (_cluster, _image, _bytes) = (cluster, image, bytes);
            _ios = new ImageIo[depth];
            _buffers = new PooledBuffer[depth];
            for (int i = 0; i < depth; i++)
            {
                _ios[i] = new ImageIo(this) { Cookie = i };
                _buffers[i] = cluster.ClientReactor.Buffers.TryRent(bytes)!;
                _buffers[i].Span(0, bytes).Fill((byte)(i % 251));
            }
        }

        public void Run(int operations)
        {
            _left = operations;
            foreach (ImageIo io in _ios) { Start(io); }
            int seen = -1;
            Stopwatch still = new();
            while (_inFlight > 0 && still.Elapsed.TotalSeconds < 15)
            {
                if (_completed != seen) { still.Restart(); }
                seen = _completed;
                _cluster.Step();
            }
            Assert.True(_inFlight == 0, $"after {_completed} writes nothing moves; {Busy()} buffers of the OSDs are held");
            Assert.Equal(Errno.None, _failure);
        }

        public void UntilBuffersAreBack()
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (Busy() > 0 && watch.Elapsed.TotalSeconds < 15) { _cluster.Step(); }
            Assert.Equal(0, Busy());
        }

        public void OnCompleted(ImageIo io)
        {
            _inFlight--;
            _completed++;
            if (io.Status is not Errno.None) { _failure = io.Status; }
            io.Reset();
            Start(io);
        }

        private int Busy()
        {
            int busy = 0;
            foreach (BufferPool pool in _cluster.OsdBuffers) { busy += pool.CountBusy(); }
            return busy;
        }

        private void Start(ImageIo io)
        {
            if (_left == 0) { return; }
            _left--;
            _inFlight++;
            io.Prepare(ImageOp.Write, (long)_next++ * _bytes % ImageBytes, _bytes);
            io.AddData(_buffers[io.Cookie], 0, _bytes);
            _image.Submit(io);
        }
    }
}
