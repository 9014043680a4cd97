using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>One reactor on a thread of its own, as a server process has them: bound to a core, with ring, buffers and TCP. Used
/// from the main thread.</summary>
internal sealed class BenchNode : IDisposable
{
    private static readonly (int Bytes, int Count)[] BufferClasses =
    [
        ((int)(4 * Units.KiB), 8192),
        ((int)(64 * Units.KiB), 128),
        ((int)(128 * Units.KiB), 128),
        ((int)(512 * Units.KiB), 64),
    ];

    private readonly BufferPool _buffers = new(BufferClasses);
    private readonly ReactorThread _thread;

    /// <param name="index">Which of the run's reactors it is.</param>
    public BenchNode(int index, LayerOptions options)
    {
        Errno error = UringEventSource.TryCreate(BootClock.Instance, _buffers, new UringOptions { WithoutRegisteredBuffers = true },
            out UringEventSource? source, out string whyNot);
        if (source is null) { throw new OperatorException(OperatorException.CodeOf(error), $"io_uring cannot be used: {whyNot}"); }
        ulong seed = unchecked((ulong)BootClock.Instance.NowNanos + (ulong)index);
        Reactor = new Reactor(index, BootClock.Instance, new Prng(seed), source, _buffers, new ReactorOptions { Strategy = options.Poll });
        Transport = new TcpTransport(Reactor);
        int core = options.Cores.Count > 0 ? options.Cores[index % options.Cores.Count] : index % Environment.ProcessorCount;
        _thread = new ReactorThread(Reactor, CoreSet.IsAllowed(core) ? core : null, $"bench-{index}");
        _thread.Start();
    }

    public Reactor Reactor { get; }
    public TcpTransport Transport { get; }

    /// <summary>Runs a task on the reactor to its end; the main thread sleeps meanwhile.</summary>
    public T Call<T>(Func<ReactorTask<T>> work)
    {
        using PostedCall<T> call = new(work);
        Reactor.Post(call);
        return call.Wait();
    }

    public void Dispose()
    {
        _thread.Stop();
        Transport.Dispose();
        _buffers.Dispose();
    }

    /// <summary>A task that one thread gives to a reactor and waits for.</summary>
    private sealed class PostedCall<T>(Func<ReactorTask<T>> work) : IRunnable, IDisposable
    {
        private readonly SemaphoreSlim _done = new(0);
        private T _result = default!;
        private Exception? _failure;

        public void Run() => RunAsync().Forget(error => End(error));

        public T Wait()
        {
            _done.Wait();
            if (_failure is not null) { ExceptionDispatchInfo.Throw(_failure); }
            return _result;
        }

        public void Dispose() => _done.Dispose();

        private async ReactorTask RunAsync()
        {
            _result = await work();
            End(null);
        }

        private void End(Exception? failure)
        {
            _failure = failure;
            _ = _done.Release();
        }
    }
}
