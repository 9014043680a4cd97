using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Net.Transport.Tcp;

namespace Fastblock.Roles.Nbd;

/// <summary>A real socket under an <see cref="NbdConnection"/>.</summary>
internal sealed class NbdStream(IByteStreamHandler handler) : IByteStream, IStreamHandler
{
    private TcpStream _stream = null!;

    public bool OutlivesInput => true;

    public int QueuedBytes => _stream.QueuedBytes;

    /// <summary>Ties it to the socket; once, before anything else.</summary>
    public void Attach(TcpStream stream) => _stream = stream;

    public void ReceiveInto(PooledBuffer buffer, int offset, int length) => _stream.ReceiveInto(buffer, offset, length);

    public void Pause() => _stream.Pause();

    public void Resume() => _stream.Resume();

    public void Send(ReadOnlySpan<byte> head, ReadOnlySpan<PayloadPart> payload)
    {
        // The queue has no limit of its own: the connection's budget bounds it. What remains is a socket that has ended.
        if (_stream.TrySend(head, default, payload) == Errno.Again) { _stream.Close(Errno.NoBuffers); }
    }

    public void CloseWhenSent() => _stream.CloseWhenSent(Errno.ShutDown);

    public void Abort() => _stream.Close(Errno.Protocol);

    void IStreamHandler.OnConnected(TcpStream stream) { }

    int IStreamHandler.OnReceived(TcpStream stream, ReadOnlySpan<byte> bytes) => handler.OnReceived(bytes);

    void IStreamHandler.OnFilled(TcpStream stream) => handler.OnFilled();

    void IStreamHandler.OnInputEnded(TcpStream stream) => handler.OnInputEnded();

    void IStreamHandler.OnClosed(TcpStream stream, Errno reason) => handler.OnClosed();
}
