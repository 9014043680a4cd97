using System;
using System.Collections.Generic;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Hosting;

/// <summary>
/// What every server role is in production: pinned reactor threads, each with its ring and its TCP transport, and a main
/// thread that waits for a signal. SIGTERM, SIGINT and SIGHUP end it cleanly; a second one at once.
/// </summary>
internal sealed class ServerProcess : IDisposable
{
    /// <summary>How long a clean end may take before the process ends anyway: everything acknowledged is durable already.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    private readonly List<ReactorThread> _threads = [];
    private readonly List<ServerSeat> _seats = [];
    private readonly ManualResetEventSlim _end = new();
    private string? _failure;
    private string? _refusal;
    private ExitCode _refusalCode = ExitCode.Permission;

    public ServerProcess(ServerProcessOptions options)
    {
        int index = 0;
        for (ulong mask = options.CoreMask == 0 ? 1 : options.CoreMask; mask != 0; mask &= mask - 1)
        {
            int? core = options.CoreMask == 0 ? null : BitOperations.TrailingZeroCount(mask);
            AddReactor(options, index++, core);
        }
    }

    public IReadOnlyList<ServerSeat> Seats => _seats;

    /// <summary>For the log: what this kernel granted to the reactors' rings; they are all alike.</summary>
    public string RingFeatures { get; private set; } = "";

    /// <summary>After <see cref="Run"/>: the threads have ended.</summary>
    public void Dispose() => _end.Dispose();

    /// <summary>Changes how all reactors wait; from any thread.</summary>
    public void SetPoll(WaitStrategy strategy)
    {
        foreach (ServerSeat seat in _seats) { seat.Reactor.Strategy = strategy; }
    }

    /// <summary>Ends the process with an error; from any thread.</summary>
    public void Fail(string text)
    {
        _ = Interlocked.CompareExchange(ref _failure, text, null);
        _end.Set();
    }

    /// <summary>Ends the process in good order, with the exit code for "no permission"; from any thread.</summary>
    public void Refuse(string text) => Refuse(text, ExitCode.Permission);

    /// <summary>The same with another exit code.</summary>
    public void Refuse(string text, ExitCode code)
    {
        _refusalCode = code;
        _ = Interlocked.CompareExchange(ref _refusal, text, null);
        _end.Set();
    }

    /// <summary>Ends the process as a signal would; from any thread.</summary>
    public void RequestEnd() => _end.Set();

    /// <summary>Starts, runs until a signal or a failure, stops.</summary>
    /// <param name="start">Runs on the first reactor; a text is why the server cannot start.</param>
    /// <param name="started">Runs on the main thread once the server runs.</param>
    /// <param name="stop">Runs on the first reactor for a clean end.</param>
    /// <remarks>However it ends, the reactor threads have ended too: the caller frees the memory that they use.</remarks>
    public ExitCode Run(Func<ReactorTask<string?>> start, Action started, Func<ReactorTask> stop)
    {
        using EndSignals signals = new(OnSignal);
        try
        {
            foreach (ReactorThread thread in _threads) { thread.Start(); }
            bool hasStarted = RunOnFirst(start, Timeout.InfiniteTimeSpan, out string? wrong);
            if (wrong is not null) { throw new OperatorException(_refusal is null ? ExitCode.WrongState : _refusalCode, wrong); }
            // A start that was cut short has opened only a part: there is nothing yet that a clean end could bring to rest.
            if (hasStarted) { ServeUntilEnd(started, stop); }
        }
        finally
        {
            foreach (ReactorThread thread in _threads) { thread.Stop(); }
        }
        if (_refusal is not null) { throw new OperatorException(_refusalCode, _refusal); }
        return ExitCode.Ok;
    }

    private void ServeUntilEnd(Action started, Func<ReactorTask> stop)
    {
        started();
        _end.Wait();
        if (_failure is not null) { throw new OperatorException(ExitCode.Failed, _failure); }
        _end.Reset();
        _ = RunOnFirst(() => StopAsync(stop), StopTimeout, out _);
    }

    private static async ReactorTask<string?> StopAsync(Func<ReactorTask> stop)
    {
        await stop();
        return null;
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (_end.IsSet) { return; } // the second one: the default action ends the process at once
        context.Cancel = true;
        _end.Set();
    }

    private void AddReactor(ServerProcessOptions options, int index, int? core)
    {
        BootClock clock = new();
        BufferPool buffers = new(options.Buffers);
        Errno error = UringEventSource.TryCreate(clock, buffers, options.Uring, out UringEventSource? source, out string whyNot);
        if (error != Errno.None) { throw OperatorException.FromErrno(error, whyNot); }
        RingFeatures = $"{source!.Features}{(source.HasRegisteredBuffers ? ", registered buffers" : "")}";
        // The seed need not be secret, only different: elections and back-offs must not run in step.
        ulong seed = unchecked((ulong)clock.NowNanos ^ ((ulong)Environment.ProcessId << 32) ^ (ulong)index);
        Reactor reactor = new(index, clock, new Prng(seed), source, buffers,
            new ReactorOptions { Strategy = options.Poll, SpinNanos = options.SpinNanos });
        _seats.Add(new ServerSeat(reactor, new TcpTransport(reactor)));
        _threads.Add(new ReactorThread(reactor, core, $"{options.Name}-{index}"));
    }

    /// <summary>Runs work on the first reactor; with an infinite timeout, an end of the process cuts the waiting short.</summary>
    /// <param name="wrong">What the work returned, or why the process failed meanwhile.</param>
    /// <returns>Whether the work has ended.</returns>
    private bool RunOnFirst(Func<ReactorTask<string?>> work, TimeSpan timeout, out string? wrong)
    {
        using ManualResetEventSlim done = new();
        string? result = null;
        _seats[0].Reactor.Post(new Call(async () =>
        {
            result = await work();
            done.Set();
        }, Fail));
        int which = WaitHandle.WaitAny(timeout == Timeout.InfiniteTimeSpan
            ? [done.WaitHandle, _end.WaitHandle] : [done.WaitHandle], timeout);
        wrong = which == 0 ? result : _failure;
        return which == 0;
    }

    private sealed class Call(Func<ReactorTask> work, Action<string> fail) : IRunnable
    {
        public void Run() => work().Forget(error => fail(error is OperatorException ? error.Message : error.ToString()));
    }
}
