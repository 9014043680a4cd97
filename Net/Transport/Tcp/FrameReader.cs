using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>Cuts a byte stream into frames. A short frame is delivered from where it was received; a body longer than the
/// staging buffer gathers in an array that grows with what has really arrived; a payload goes to a pooled buffer, the part
/// that has not arrived yet without a copy.</summary>
/// <param name="maxWholeBytes">A header with its body up to this size is waited for in one piece.</param>
internal sealed class FrameReader(BufferPool buffers, int maxWholeBytes, IFrameSink sink)
{
    private const int KeptBodyBytes = NetLimits.MaxBodyBytes;

    private enum Phase : byte { Header, Body, Payload }

    private Phase _phase;
    private FrameHeader _header;
    private readonly byte[] _headerBytes = new byte[FrameHeader.SizeBytes];
    private byte[] _body = [];   // a long body while it arrives, or a body whose payload arrives
    private int _bodyFilled;
    private PooledBuffer? _payload;

    /// <summary>What the payloads are for.</summary>
    public BufferUse Use { get; set; }

    /// <summary>Payload bytes for which no buffer was free; 0 = not waiting.</summary>
    public int WantedBytes { get; private set; }

    /// <summary>See <see cref="IStreamHandler.OnReceived"/>.</summary>
    public int Read(TcpStream stream, ReadOnlySpan<byte> bytes)
    {
        int consumed = 0;
        while (stream.IsOpen && !stream.IsPaused && _phase is not Phase.Payload)
        {
            int used = _phase is Phase.Body ? TakeBody(stream, bytes[consumed..]) : TakeFrame(stream, bytes[consumed..]);
            if (used == 0) { break; }
            consumed += used;
        }
        return consumed;
    }

    /// <summary>The payload is complete.</summary>
    public void OnFilled()
    {
        _phase = Phase.Header;
        PooledBuffer payload = _payload!;
        _payload = null;
        sink.OnFrame(new Frame
        {
            Type = _header.Type,
            Body = _body.AsSpan(0, _bodyFilled),
            Payload = payload,
            PayloadBytes = _header.PayloadBytes,
        });
        payload.Release();
        ForgetBody();
    }

    /// <summary>Tries again for a buffer; with one, the stream goes on.</summary>
    public bool TryResume(TcpStream stream)
    {
        Invariant.Require(WantedBytes > 0 && _payload is null);
        _payload = buffers.TryRent(WantedBytes, Use);
        if (_payload is null) { return false; }
        WantedBytes = 0;
        // A long body is consumed already; a short one was left in the stream and is read again.
        if (_phase is Phase.Body) { BeginPayload(stream); }
        stream.Resume();
        return true;
    }

    /// <summary>The stream has ended.</summary>
    public void Clear()
    {
        _payload?.Release();
        _payload = null;
        WantedBytes = 0;
        _body = [];
    }

    /// <returns>Bytes used; 0 = wait for more, for a buffer, or for the end of the stream.</returns>
    private int TakeFrame(TcpStream stream, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FrameHeader.SizeBytes) { return 0; }
        if (!FrameHeader.TryRead(bytes, out FrameHeader header)
            || !sink.Allows(header.Type, header.BodyBytes, header.PayloadBytes))
        {
            stream.Close(Errno.Protocol);
            return 0;
        }
        int whole = FrameHeader.SizeBytes + header.BodyBytes;
        if (whole > maxWholeBytes)
        {
            _header = header;
            bytes[..FrameHeader.SizeBytes].CopyTo(_headerBytes);
            _phase = Phase.Body;
            _bodyFilled = 0;
            return FrameHeader.SizeBytes;
        }
        if (bytes.Length < whole) { return 0; }
        ReadOnlySpan<byte> body = bytes[FrameHeader.SizeBytes..whole];
        if (!header.Matches(bytes, body))
        {
            stream.Close(Errno.BadMessage);
            return 0;
        }
        if (header.PayloadBytes == 0)
        {
            sink.OnFrame(new Frame { Type = header.Type, Body = body });
            return whole;
        }
        if (!TryHaveBuffer(stream, header.PayloadBytes)) { return 0; }
        if (bytes.Length - whole >= header.PayloadBytes)
        {
            // All there, which is the common case for 4 KiB: the one copy aligns it.
            PooledBuffer payload = _payload!;
            _payload = null;
            bytes.Slice(whole, header.PayloadBytes).CopyTo(payload.Span(0, header.PayloadBytes));
            sink.OnFrame(new Frame
            {
                Type = header.Type,
                Body = body,
                Payload = payload,
                PayloadBytes = header.PayloadBytes,
            });
            payload.Release();
            return whole + header.PayloadBytes;
        }
        _header = header;
        KeepBody(body);
        BeginPayload(stream);
        return whole;
    }

    private int TakeBody(TcpStream stream, ReadOnlySpan<byte> bytes)
    {
        int take = Math.Min(bytes.Length, _header.BodyBytes - _bodyFilled);
        if (_body.Length < _bodyFilled + take)
        {
            // Doubling what has arrived, never trusting the announced length: memory costs the sender as much traffic.
            Array.Resize(ref _body, (int)Math.Min(_header.BodyBytes, Math.Max(64 * Units.KiB, 2L * (_bodyFilled + take))));
        }
        bytes[..take].CopyTo(_body.AsSpan(_bodyFilled));
        _bodyFilled += take;
        if (_bodyFilled < _header.BodyBytes) { return take; }
        ReadOnlySpan<byte> body = _body.AsSpan(0, _bodyFilled);
        if (!_header.Matches(_headerBytes, body))
        {
            stream.Close(Errno.BadMessage);
            return take;
        }
        if (_header.PayloadBytes > 0)
        {
            if (!TryHaveBuffer(stream, _header.PayloadBytes)) { return take; }
            BeginPayload(stream);
            return take;
        }
        _phase = Phase.Header;
        sink.OnFrame(new Frame { Type = _header.Type, Body = body });
        ForgetBody();
        return take;
    }

    private bool TryHaveBuffer(TcpStream stream, int bytes)
    {
        if (_payload is not null) { return true; } // rented after a wait
        if (bytes > buffers.LargestBytes)
        {
            stream.Close(Errno.NoBuffers); // could never be had
            return false;
        }
        _payload = buffers.TryRent(bytes, Use);
        if (_payload is not null) { return true; }
        WantedBytes = bytes;
        stream.Pause();
        sink.OnStarved();
        return false;
    }

    private void BeginPayload(TcpStream stream)
    {
        _phase = Phase.Payload;
        stream.ReceiveInto(_payload!, 0, _header.PayloadBytes);
    }

    private void KeepBody(ReadOnlySpan<byte> body)
    {
        if (_body.Length < body.Length) { _body = new byte[Math.Max(body.Length, 1024)]; }
        body.CopyTo(_body);
        _bodyFilled = body.Length;
    }

    private void ForgetBody()
    {
        _bodyFilled = 0;
        if (_body.Length > KeptBodyBytes) { _body = []; }
    }
}
