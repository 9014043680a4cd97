using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>All stream sockets of one reactor: makes them, gives them receive memory, and starts their sends, then their
/// receives, at the end of every iteration.</summary>
internal sealed unsafe class TcpStreams : IIterationHook, IDisposable
{
    private readonly List<TcpStream> _all = [];
    private readonly List<TcpListener> _listeners = [];
    private readonly RingQueue<TcpStream> _dirty = new();
    private readonly RingQueue<TcpStream> _receivers = new();
    private readonly Stack<nint> _freeStaging = new();

    /// <param name="reactor">One whose event source is an io_uring.</param>
    public TcpStreams(Reactor reactor, TcpStreamOptions? options = null)
    {
        Invariant.Require(reactor.Source is UringEventSource);
        Reactor = reactor;
        Source = (UringEventSource)reactor.Source;
        Options = options ?? new TcpStreamOptions();
        reactor.AddIterationHook(this, HookStage.Network);
    }

    public Reactor Reactor { get; }

    public TcpStreamOptions Options { get; }

    /// <summary>Streams that are not closed completely.</summary>
    public int Count => _all.Count;

    internal UringEventSource Source { get; }

    /// <summary>Starts to connect. OnConnected or OnClosed follows from the loop; there is no timeout but the kernel's.</summary>
    public TcpStream Connect(StreamAddress address, IStreamHandler handler)
    {
        Errno error = OpenSocket(address, out int fd, out SocketAddress socketAddress, out uint addressBytes);
        TcpStream stream = Add(new TcpStream(this, fd, handler, isConnected: false));
        if (error is Errno.None) { stream.StartConnect(in socketAddress, addressBytes); }
        else { stream.Close(error); }
        return stream;
    }

    /// <summary>Takes over a connected socket. Bytes come from the loop; OnConnected does not.</summary>
    /// <param name="received">Bytes that were already read from it, at most the staging size.</param>
    public TcpStream Adopt(int fd, IStreamHandler handler, ReadOnlySpan<byte> received = default)
    {
        SetNoDelay(fd);
        TcpStream stream = Add(new TcpStream(this, fd, handler, isConnected: true));
        stream.Preload(received);
        stream.Pause();
        stream.Resume(); // starts in the run phase, not within this call
        return stream;
    }

    /// <summary>Listens. Port 0 chooses a free one. A unix socket left behind by a dead process is replaced.</summary>
    /// <returns>None, AddressInUse, AccessDenied or the kernel's word.</returns>
    public Errno Listen(StreamAddress address, IStreamListener acceptor, out TcpListener? listener)
    {
        listener = null;
        Errno error = OpenSocket(address, out int fd, out SocketAddress socketAddress, out uint addressBytes);
        if (error is not Errno.None) { return error; }
        error = TcpListener.Bind(fd, address, ref socketAddress, addressBytes, out StreamAddress bound);
        if (error is not Errno.None)
        {
            _ = Libc.close(fd);
            return error;
        }
        listener = new TcpListener(this, fd, bound, acceptor);
        _listeners.Add(listener);
        listener.StartAccept();
        return Errno.None;
    }

    public void OnIterationEnd()
    {
        while (_dirty.TryPopFront(out TcpStream? stream)) { stream.StartSend(); }
        while (_receivers.TryPopFront(out TcpStream? stream)) { stream.StartReceive(); }
    }

    /// <summary>Frees everything; after the event source was disposed.</summary>
    public void Dispose()
    {
        while (_all.Count > 0) { _all[^1].Abandon(); }
        foreach (TcpListener listener in _listeners) { listener.Abandon(); }
        _listeners.Clear();
        while (_freeStaging.TryPop(out nint staging)) { NativeMemory.Free((void*)staging); }
    }

    internal void AddReceiver(TcpStream stream) => _receivers.PushBack(stream);

    internal void AddDirty(TcpStream stream) => _dirty.PushBack(stream);

    internal byte* RentStaging() => _freeStaging.TryPop(out nint staging)
        ? (byte*)staging
        : (byte*)NativeMemory.Alloc((nuint)Options.StagingBytes);

    internal void ReturnStaging(byte* staging) => _freeStaging.Push((nint)staging);

    internal void Remove(TcpStream stream)
    {
        TcpStream last = _all[^1];
        _all[stream.Index] = last;
        last.Index = stream.Index;
        _all.RemoveAt(_all.Count - 1);
    }

    internal void Remove(TcpListener listener) => _ = _listeners.Remove(listener);

    private TcpStream Add(TcpStream stream)
    {
        stream.Index = _all.Count;
        _all.Add(stream);
        return stream;
    }

    private static Errno OpenSocket(
        StreamAddress address, out int fd, out SocketAddress socketAddress, out uint addressBytes)
    {
        SocketAddress local = default;
        addressBytes = address.Internet is { } internet
            ? local.SetInternet(internet.Address, internet.Port)
            : local.SetUnix(address.UnixPath ?? "");
        socketAddress = local;
        fd = -1;
        if (addressBytes == 0) { return Errno.Invalid; }
        fd = Libc.socket(local.Family, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
        if (fd < 0) { return Libc.LastErrno; }
        if (address.Internet is not null) { SetNoDelay(fd); }
        return Errno.None;
    }

    /// <summary>We batch by ourselves; the kernel must not wait for more. Fails on unix sockets, which have no such delay.</summary>
    private static void SetNoDelay(int fd)
    {
        int one = 1;
        _ = Libc.setsockopt(fd, Libc.IPPROTO_TCP, Libc.TCP_NODELAY, &one, sizeof(int));
    }
}
