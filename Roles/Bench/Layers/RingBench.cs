using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>io_uring requests that do nothing: what one visit to the kernel and one completion cost, alone and shared.</summary>
internal sealed class RingBench : ClosedLoop
{
    private readonly Nop[] _nops;

    private RingBench(Reactor reactor, int depth) : base(reactor, depth)
    {
        _nops = new Nop[depth];
        for (int slot = 0; slot < depth; slot++) { _nops[slot] = new Nop(this, slot); }
    }

    public static BenchResult Run(LayerOptions options)
    {
        using BenchNode node = new(0, options);
        return node.Call(() => LayerRun.MeasureAsync("ring nop", new RingBench(node.Reactor, options.QueueDepth), 0, options));
    }

    protected override void Start(int slot) => _nops[slot].Start();

    private sealed class Nop(RingBench bench, int slot) : UringOperation
    {
        private readonly UringEventSource _source = (UringEventSource)bench.Reactor.Source;

        public unsafe void Start() => _source.Begin(this)->Opcode = UringOp.Nop;

        protected internal override void OnCompletion(int result) =>
            bench.Done(slot, result < 0 ? (Errno)(-result) : Errno.None);
    }
}
