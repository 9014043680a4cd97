using System.Threading;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>What other threads want run on a reactor. Not for the data path (cores do not exchange I/O), so one short lock
/// around two queues that are swapped will do: a post allocates nothing once the queues have grown, and the reactor looks
/// at one flag when there is nothing.</summary>
internal sealed class Mailbox
{
    private readonly Lock _gate = new();
    private RingQueue<IRunnable> _incoming = new();
    private RingQueue<IRunnable> _taken = new();
    private bool _hasMail;

    /// <summary>True when something was posted; any thread.</summary>
    public bool HasMail => Volatile.Read(ref _hasMail);

    /// <summary>Any thread.</summary>
    public void Post(IRunnable runnable)
    {
        lock (_gate)
        {
            _incoming.PushBack(runnable);
            Volatile.Write(ref _hasMail, true);
        }
    }

    /// <summary>Runs what was posted before the call, in order; the reactor's thread only.</summary>
    /// <returns>True when there was something.</returns>
    public bool RunAll()
    {
        if (!HasMail) { return false; }
        lock (_gate)
        {
            (_incoming, _taken) = (_taken, _incoming);
            Volatile.Write(ref _hasMail, false);
        }
        while (_taken.TryPopFront(out IRunnable? runnable)) { runnable.Run(); }
        return true;
    }
}
