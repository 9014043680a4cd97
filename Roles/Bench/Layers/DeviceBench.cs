using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>Reads and durable writes straight on a device, as the log makes them: the limit for everything above.</summary>
internal sealed class DeviceBench : ClosedLoop
{
    private const int FillBytes = (int)(512 * Units.KiB);

    private readonly IBlockDevice _device;
    private readonly LayerOptions _options;
    private readonly Slot[] _slots;
    private readonly long _places;
    private long _next;

    private DeviceBench(Reactor reactor, IBlockDevice device, LayerOptions options) : base(reactor, options.QueueDepth)
    {
        _device = device;
        _options = options;
        _places = device.SizeBytes / options.BlockBytes;
        BlockContent content = new(options.BlockBytes, options.Seed);
        _slots = new Slot[options.QueueDepth];
        for (int i = 0; i < _slots.Length; i++)
        {
            PooledBuffer buffer = reactor.Buffers.TryRent(options.BlockBytes)
                ?? throw new OperatorException(ExitCode.Usage, "--qd times --bs: more memory than the buffer pool has");
            content.Fill(buffer.Span(0, options.BlockBytes), i, 1, 0);
            _slots[i] = new Slot(this, i, buffer);
        }
    }

    public static BenchResult Run(LayerOptions options)
    {
        using BenchNode node = new(0, options);
        bool writes = options.Mode is RwMode.RandWrite or RwMode.Write;
        BenchDevice? device = null;
        try
        {
            return node.Call(async () =>
            {
                device = new BenchDevice(node.Reactor, options, writes);
                DeviceBench bench = new(node.Reactor, device.Device, options);
                if (bench._places < options.QueueDepth) { throw new OperatorException(ExitCode.Usage, "the device is too small for --qd times --bs"); }
                if (device.IsNew) { await FillAsync(node.Reactor, device.Device, options.Seed); }
                BenchResult result = await LayerRun.MeasureAsync($"device {ConfigKey.Lower(options.Mode)} {SizeText.FormatExact(options.BlockBytes)}",
                    bench, options.BlockBytes, options);
                foreach (Slot slot in bench._slots) { slot.Free(); }
                return result;
            });
        }
        finally
        {
            device?.Dispose();
        }
    }

    /// <summary>Gives every block contents, and a file its blocks: writes into holes measure the file system's allocator.</summary>
    public static async ReactorTask FillAsync(Reactor reactor, IBlockDevice device, ulong seed)
    {
        BlockContent content = new(FillBytes, seed);
        PooledBuffer buffer = reactor.Buffers.TryRent(FillBytes)!;
        Errno status = Errno.None;
        for (long at = 0; at < device.SizeBytes && status is Errno.None; at += FillBytes)
        {
            int bytes = (int)System.Math.Min(FillBytes, device.SizeBytes - at);
            content.Fill(buffer.Span(0, FillBytes), at / FillBytes, 1, 0);
            status = await device.WriteAsync(at, buffer, 0, bytes, durable: false);
        }
        if (status is Errno.None) { status = await device.FlushAsync(); }
        buffer.Release();
        if (status is not Errno.None) { throw OperatorException.FromErrno(status, "filling the device"); }
    }

    protected override void Start(int slot)
    {
        bool random = _options.Mode is RwMode.RandRead or RwMode.RandWrite;
        long place = random ? (long)Reactor.Prng.Below((ulong)_places) : _next++ % _places;
        _slots[slot].Begin(_options.Mode is RwMode.RandRead or RwMode.Read ? IoKind.Read : IoKind.Write, place * _options.BlockBytes);
        _device.Submit(_slots[slot]);
    }

    private sealed class Slot(DeviceBench bench, int index, PooledBuffer buffer) : IoRequest
    {
        public unsafe void Begin(IoKind kind, long offset)
        {
            Prepare(kind, offset, durable: kind is IoKind.Write);
            bool added = TryAddSegment(buffer.Pointer, bench._options.BlockBytes);
            Invariant.Require(added);
        }

        public void Free()
        {
            buffer.Release();
            Dispose();
        }

        protected override void OnCompleted(Errno status) => bench.Done(index, status);
    }
}
