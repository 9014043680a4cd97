using System;
using System.Runtime.ExceptionServices;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Client;

/// <summary>A reactor on the calling thread for the length of one command, with its ring, buffers and TCP transport.</summary>
internal sealed class ClientReactor : IDisposable
{
    /// <summary>Bytes of one buffer and how many: room for a few thousand 4 KiB I/Os or a few dozen large ones. Memory that
    /// is never touched costs nothing.</summary>
    private static readonly (int Bytes, int Count)[] BufferClasses =
    [
        ((int)(4 * Units.KiB), 8192),
        ((int)(16 * Units.KiB), 256),
        ((int)(64 * Units.KiB), 256),
        ((int)(128 * Units.KiB), 128),
        ((int)(512 * Units.KiB), 64),
    ];

    private readonly BufferPool _buffers;
    private readonly UringEventSource _source;

    private ClientReactor(BufferPool buffers, UringEventSource source, Reactor reactor)
    {
        _buffers = buffers;
        _source = source;
        Reactor = reactor;
        Transport = new TcpTransport(reactor);
    }

    public Reactor Reactor { get; }
    public TcpTransport Transport { get; }

    /// <summary>Makes one; no io_uring is an operator's mistake with one clear line.</summary>
    /// <param name="classes">Size classes of the buffer pool, where the default is too small.</param>
    public static ClientReactor Create(
        WaitStrategy strategy = WaitStrategy.Adaptive, (int Bytes, int Count)[]? classes = null)
    {
        BootClock clock = new();
        BufferPool buffers = new(classes ?? BufferClasses);
        // Short-lived: registering 100 MiB of buffers would cost more than it saves.
        Errno error = UringEventSource.TryCreate(clock, buffers, new UringOptions { WithoutRegisteredBuffers = true },
            out UringEventSource? source, out string whyNot);
        if (source is null)
        {
            buffers.Dispose();
            throw new OperatorException(OperatorException.CodeOf(error), $"io_uring cannot be used: {whyNot}");
        }
        // Need not be secret, only different: two commands must not draw the same sequence numbers and back-offs.
        ulong seed = unchecked((ulong)clock.NowNanos ^ ((ulong)Environment.ProcessId << 32));
        Reactor reactor = new(0, clock, new Prng(seed), source, buffers, new ReactorOptions { Strategy = strategy });
        return new ClientReactor(buffers, source, reactor);
    }

    /// <summary>Runs the loop on this thread until the task has ended, and gives its result or throws its exception. Once.</summary>
    public T RunToEnd<T>(Func<ReactorTask<T>> start)
    {
        T result = default!;
        Exception? failure = null;
        Finish(start).Forget(error =>
        {
            failure = error;
            Reactor.RequestStop();
        });
        Reactor.Run();
        if (failure is not null) { ExceptionDispatchInfo.Throw(failure); }
        return result;

        async ReactorTask Finish(Func<ReactorTask<T>> work)
        {
            result = await work();
            Reactor.RequestStop();
        }
    }

    public void Dispose()
    {
        _source.Dispose(); // first: until then the kernel may still use what the others free
        Transport.Dispose();
        _buffers.Dispose();
    }
}
