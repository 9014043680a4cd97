using System;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;

namespace Fastblock.Native.Reactor;

/// <summary>The thread of one production reactor: bound to a core, runs the loop until stopped, then closes the ring (which
/// only its owner can do properly).</summary>
internal sealed class ReactorThread
{
    private readonly Reactor _reactor;
    private readonly Thread _thread;
    private readonly int? _core;

    /// <param name="core">The core to stay on, or null to let the kernel choose.</param>
    /// <param name="name">Shown by top -H; at most 15 characters are.</param>
    public ReactorThread(Reactor reactor, int? core, string name)
    {
        _reactor = reactor;
        _core = core;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
    }

    public Reactor Reactor => _reactor;

    /// <summary>Outcome of the binding, known soon after <see cref="Start"/>: Invalid = no such core; it runs unbound then.</summary>
    public Errno PinResult { get; private set; }

    public void Start() => _thread.Start();

    /// <summary>Asks the loop to end and waits for it.</summary>
    public void Stop()
    {
        _reactor.RequestStop();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted)) { return; }
        _thread.Join();
    }

    private void Run()
    {
        if (_core is { } core) { PinResult = CoreSet.PinThisThread(core); }
        _reactor.Run();
        (_reactor.Source as IDisposable)?.Dispose();
    }
}
