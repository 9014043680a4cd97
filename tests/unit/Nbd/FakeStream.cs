using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Roles.Nbd;

namespace Fastblock.Tests.Unit.Nbd;

/// <summary>A socket in memory with the manners of the real one: staging of limited size, buffers filled past it, pauses.</summary>
internal sealed class FakeStream(IByteStreamHandler handler) : IByteStream
{
    private const int StagingBytes = 65536;
    private byte[] _wire = new byte[4096]; // [start, staged) has been delivered but not consumed, [staged, end) not yet
    private int _start, _staged, _end;
    private readonly List<byte> _sent = [];
    private readonly List<PayloadPart> _retained = [];
    private PooledBuffer? _into;
    private int _intoAt, _intoLeft;
    private bool _isPaused, _closesWhenSent, _isAborted, _inputEnds;

    public bool IsClosed { get; private set; }

    /// <summary>The other side does not read.</summary>
    public bool IsStuck { get; set; }

    /// <summary>The other side does not look at its socket: it will not go by itself.</summary>
    public bool IsIdle { get; set; }

    /// <summary>Largest number of bytes delivered at once; 1 = byte by byte.</summary>
    public int Grain { get; set; } = 32768;

    public int QueuedBytes { get; private set; }
    public int MaxQueuedBytes { get; private set; }

    /// <summary>What the server has sent so far.</summary>
    public List<byte> Sent => _sent;

    private int StagedCount => _staged - _start;

    public void Type(ReadOnlySpan<byte> bytes)
    {
        if (_wire.Length - _end < bytes.Length) { Array.Resize(ref _wire, (_end + bytes.Length) * 2); }
        bytes.CopyTo(_wire.AsSpan(_end));
        _end += bytes.Length;
    }

    public void ReceiveInto(PooledBuffer buffer, int offset, int length)
    {
        Invariant.Require(_into is null && length > 0);
        buffer.Retain();
        (_into, _intoAt, _intoLeft) = (buffer, offset, length);
    }

    public void Pause() => _isPaused = true;

    public void Resume() => _isPaused = false;

    public void Send(ReadOnlySpan<byte> head, ReadOnlySpan<PayloadPart> payload)
    {
        if (IsClosed || _isAborted || _closesWhenSent) { return; }
        _sent.AddRange(head);
        QueuedBytes += head.Length;
        foreach (PayloadPart part in payload)
        {
            _sent.AddRange((ReadOnlySpan<byte>)part.Buffer.Span(part.Offset, part.Length));
            part.Buffer.Retain();
            _retained.Add(part);
            QueuedBytes += part.Length;
        }
        MaxQueuedBytes = Math.Max(MaxQueuedBytes, QueuedBytes);
    }

    public void CloseWhenSent() => _closesWhenSent = true;

    public void Abort() => _isAborted = true;

    /// <summary>The client goes away.</summary>
    public void HangUp() => _isAborted = true;

    /// <summary>The client ends its side behind what it has typed, and goes on reading.</summary>
    public void EndInput() => _inputEnds = true;

    /// <summary>One round of the "kernel".</summary>
    public void Pump()
    {
        if (IsClosed) { return; }
        if (!IsStuck)
        {
            QueuedBytes = 0;
            foreach (PayloadPart part in _retained) { part.Buffer.Release(); }
            _retained.Clear();
        }
        if (_isAborted || (_closesWhenSent && QueuedBytes == 0 && !IsIdle))
        {
            End();
            return;
        }
        if (_isPaused) { return; }
        _staged += Math.Min(Math.Min(Grain, StagingBytes - StagedCount), _end - _staged);
        bool goesOn = true;
        while (goesOn && !_isPaused && !_isAborted) { goesOn = _into is not null ? Fill() : Feed(); }
        if (_inputEnds && _staged == _end && !_isPaused && !_isAborted)
        {
            _inputEnds = false;
            handler.OnInputEnded();
        }
        Invariant.Require(StagedCount < StagingBytes || _isPaused || _isAborted || _into is not null);
    }

    private bool Fill()
    {
        int take = Math.Min(StagedCount, _intoLeft);
        _wire.AsSpan(_start, take).CopyTo(_into!.Span(_intoAt, take));
        _start += take;
        _intoAt += take;
        _intoLeft -= take;
        if (_intoLeft > 0) { return false; }
        PooledBuffer filled = _into;
        _into = null;
        handler.OnFilled();
        filled.Release();
        return true;
    }

    private bool Feed()
    {
        if (_closesWhenSent) { _start = _staged; }
        if (StagedCount == 0) { return false; }
        int consumed = handler.OnReceived(_wire.AsSpan(_start, StagedCount));
        Invariant.Require(consumed >= 0 && consumed <= StagedCount);
        _start += consumed;
        return consumed > 0 || _into is not null;
    }

    private void End()
    {
        IsClosed = true;
        _into?.Release();
        _into = null;
        foreach (PayloadPart part in _retained) { part.Buffer.Release(); }
        _retained.Clear();
        QueuedBytes = 0;
        handler.OnClosed();
    }
}
