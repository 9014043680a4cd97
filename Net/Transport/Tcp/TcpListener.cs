using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>A listening socket: accepts one connection after the other and hands each to its <see cref="IStreamListener"/>.</summary>
internal sealed unsafe class TcpListener : UringOperation
{
    private const int Backlog = 512;
    private const long RetryNanos = 100 * Units.NanosPerMilli;

    private readonly TcpStreams _streams;
    private readonly IStreamListener _acceptor;
    private readonly CallbackTimer _retry;
    private readonly Cancel _cancel;
    private int _fd;

    internal TcpListener(TcpStreams streams, int fd, StreamAddress bound, IStreamListener acceptor)
    {
        _streams = streams;
        _fd = fd;
        _acceptor = acceptor;
        Bound = bound;
        _retry = new CallbackTimer(_ => StartAccept());
        _cancel = new Cancel(this);
    }

    /// <summary>Where it listens, with the port that was chosen.</summary>
    public StreamAddress Bound { get; }

    public void Close()
    {
        if (_fd < 0 || _cancel.IsInFlight) { return; }
        _streams.Reactor.Disarm(_retry);
        if (IsInFlight) { _cancel.Start(_fd, _streams.Source); }
        else { Free(); }
    }

    internal static Errno Bind(
        int fd, StreamAddress address, ref SocketAddress socketAddress, uint addressBytes, out StreamAddress bound)
    {
        bound = address;
        int one = 1;
        _ = Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_REUSEADDR, &one, sizeof(int));
        if (socketAddress.Family == Libc.AF_INET6)
        {
            _ = Libc.setsockopt(fd, Libc.IPPROTO_IPV6, Libc.IPV6_V6ONLY, &one, sizeof(int));
        }
        SocketAddress local = socketAddress;
        Errno error = Libc.bind(fd, &local, addressBytes) == 0 ? Errno.None : Libc.LastErrno;
        if (error is Errno.AddressInUse && address.UnixPath is { } path && RemoveDeadSocket(path, &local, addressBytes))
        {
            error = Libc.bind(fd, &local, addressBytes) == 0 ? Errno.None : Libc.LastErrno;
        }
        if (error is not Errno.None) { return error; }
        if (Libc.listen(fd, Backlog) != 0) { return Libc.LastErrno; }
        if (address.Internet is null) { return Errno.None; }
        uint bytes = SocketAddress.MaxBytes;
        if (Libc.getsockname(fd, &local, ref bytes) != 0) { return Libc.LastErrno; }
        System.Net.IPEndPoint endPoint = local.ToInternet();
        bound = StreamAddress.OfInternet(new NetAddress(endPoint.Address, (ushort)endPoint.Port));
        return Errno.None;
    }

    internal void StartAccept()
    {
        if (_fd < 0) { return; }
        UringSqe* sqe = _streams.Source.Begin(this);
        sqe->Opcode = UringOp.Accept;
        sqe->Fd = _fd;
        sqe->OpFlags = Libc.SOCK_CLOEXEC;
    }

    protected internal override void OnCompletion(int result)
    {
        if (result >= 0) { _acceptor.OnAccepted(result); }
        if (_cancel.WasStarted)
        {
            if (!_cancel.IsInFlight) { Free(); }
            return;
        }
        // A connection that died in the queue is nothing; being out of descriptors or memory passes, so wait a little.
        if (result >= 0 || result == -103) { StartAccept(); }
        else { _streams.Reactor.Arm(_retry, _streams.Reactor.NowNanos + RetryNanos); }
    }

    /// <summary>The ring is gone.</summary>
    internal void Abandon()
    {
        if (_fd >= 0) { _ = Libc.close(_fd); }
        _fd = -1;
    }

    private void OnCanceled()
    {
        if (!IsInFlight) { Free(); }
    }

    private void Free()
    {
        if (_fd < 0) { return; }
        if (Bound.UnixPath is { } path) { _ = Libc.unlink(path); }
        Abandon();
        _streams.Remove(this);
    }

    /// <summary>A path in the file system outlives its process. Somebody listens there if a connect succeeds.</summary>
    private static bool RemoveDeadSocket(string path, SocketAddress* address, uint addressBytes)
    {
        int probe = Libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
        if (probe < 0) { return false; }
        bool isDead = Libc.connect(probe, address, addressBytes) != 0 && Libc.LastErrno is Errno.ConnectionRefused;
        _ = Libc.close(probe);
        return isDead && Libc.unlink(path) == 0;
    }

    private sealed class Cancel(TcpListener listener) : UringOperation
    {
        public bool WasStarted { get; private set; }

        public void Start(int fd, UringEventSource source)
        {
            WasStarted = true;
            UringSqe* sqe = source.Begin(this);
            sqe->Opcode = UringOp.AsyncCancel;
            sqe->Fd = fd;
            sqe->OpFlags = UringSyscalls.ASYNC_CANCEL_ALL | UringSyscalls.ASYNC_CANCEL_FD;
        }

        protected internal override void OnCompletion(int result) => listener.OnCanceled();
    }
}
