using System;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>An accepted connection until its hello: asks the gate, then hands the socket, with what was received behind the
/// hello, to the transport of the reactor that owns the wanted shard; or sends the reason why not.</summary>
internal sealed class GreetingPeer(TcpTransport transport, IHelloGate gate) : TimerEntry, IStreamHandler
{
    private TcpStream _stream = null!;

    internal void Begin(TcpStream stream)
    {
        _stream = stream;
        transport.Reactor.Arm(this, transport.Reactor.NowNanos + transport.Options.HelloTimeoutNanos);
    }

    public override void OnTimer(long nowNanos) => _stream.Close(Errno.TimedOut);

    void IStreamHandler.OnConnected(TcpStream stream) { }

    void IStreamHandler.OnFilled(TcpStream stream) { }

    int IStreamHandler.OnReceived(TcpStream stream, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FrameHeader.SizeBytes) { return 0; }
        if (!FrameHeader.TryRead(bytes, out FrameHeader header) || header.Type is not FrameType.Hello
            || header.PayloadBytes != 0 || header.BodyBytes > HelloCodec.MaxBytes)
        {
            stream.Close(Errno.Protocol);
            return 0;
        }
        int whole = FrameHeader.SizeBytes + header.BodyBytes;
        if (bytes.Length < whole) { return 0; }
        ReadOnlySpan<byte> body = bytes[FrameHeader.SizeBytes..whole];
        if (!header.Matches(bytes, body) || !HelloCodec.TryRead(body, out Hello peer))
        {
            stream.Close(Errno.BadMessage);
            return 0;
        }
        string? refusal = gate.Check(in peer, out Hello own, out ITransport target);
        if (refusal is null)
        {
            transport.Reactor.Disarm(this);
            byte[] rest = bytes[whole..].ToArray();
            transport.OnGreeted();
            ((TcpTransport)target).TakeOver(stream.Detach(), in peer, in own, rest);
        }
        else
        {
            Refuse(stream, refusal);
        }
        return bytes.Length;
    }

    void IStreamHandler.OnClosed(TcpStream stream, Errno reason)
    {
        transport.Reactor.Disarm(this);
        transport.OnGreeted();
    }

    /// <summary>The timer stays armed: it ends a peer that does not read its refusal.</summary>
    private static void Refuse(TcpStream stream, string refusal)
    {
        byte[] text = Encoding.UTF8.GetBytes(refusal);
        ReadOnlySpan<byte> body = text.AsSpan(0, Math.Min(text.Length, HelloCodec.MaxBytes));
        Span<byte> header = stackalloc byte[FrameHeader.SizeBytes];
        FrameHeader.Write(header, FrameType.Refused, body, 0);
        _ = stream.TrySend(header, body, default); // if it does not fit, the end of the stream says enough
        stream.CloseWhenSent(Errno.ConnectionRefused);
    }
}
