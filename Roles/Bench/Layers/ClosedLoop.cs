using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>Keeps a fixed number of operations in flight: each slot starts its next one when the last has ended. One reactor's
/// thread; nothing is allocated while it runs. The clock is read once per operation.</summary>
internal abstract class ClosedLoop(Reactor reactor, int depth)
{
    private readonly ReactorSignal<Errno> _ended = new();
    private readonly long[] _startedAt = new long[depth];
    private long _deadline;
    private int _active;
    private Errno _failure;

    public Reactor Reactor { get; } = reactor;
    public int Depth => _startedAt.Length;

    /// <summary>Of the last run.</summary>
    public LatencyHistogram Latency { get; } = new();

    /// <summary>From the first start to the last end of the last run.</summary>
    public long Nanos { get; private set; }

    /// <summary>Runs for <paramref name="durationNanos"/> and waits for what is in flight.</summary>
    /// <returns>None, or how the first operation that failed did: then it ends early.</returns>
    public async ReactorTask<Errno> RunAsync(long durationNanos)
    {
        _ended.Reset();
        Latency.Clear();
        _failure = Errno.None;
        long started = Reactor.Clock.NowNanos;
        _deadline = started + durationNanos;
        _active = Depth;
        for (int slot = 0; slot < Depth; slot++)
        {
            _startedAt[slot] = started;
            Start(slot);
        }
        Errno result = await _ended;
        Nanos = Reactor.Clock.NowNanos - started;
        return result;
    }

    /// <summary>Begins the slot's next operation; <see cref="Done"/> must follow, not from within this call.</summary>
    protected abstract void Start(int slot);

    /// <summary>The slot's operation has ended.</summary>
    protected void Done(int slot, Errno status)
    {
        long now = Reactor.Clock.NowNanos;
        if (status is not Errno.None && _failure is Errno.None) { _failure = status; }
        Latency.Record(now - _startedAt[slot]);
        if (now < _deadline && _failure is Errno.None)
        {
            _startedAt[slot] = now;
            Start(slot);
            return;
        }
        if (--_active == 0) { _ended.Set(_failure); }
    }
}
