using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Transport.Tcp;

namespace Fastblock.Tests.Integration;

/// <summary>One end of a stream without protocol: keeps what it gets.</summary>
internal sealed class RawPeer : IStreamHandler
{
    public TcpStream Stream { get; set; } = null!;
    public bool IsConnected { get; private set; }
    public bool IsClosed { get; private set; }
    public Errno Reason { get; private set; }
    public List<byte> Received { get; } = [];
    public int Filled { get; private set; }
    public bool OutlivesInput { get; set; }
    public bool IsInputEnded { get; private set; }

    /// <summary>Takes the place of keeping everything.</summary>
    public Reader? OnBytes { get; set; }

    public delegate int Reader(TcpStream stream, ReadOnlySpan<byte> bytes);

    public void OnConnected(TcpStream stream) => IsConnected = true;

    public int OnReceived(TcpStream stream, ReadOnlySpan<byte> bytes)
    {
        if (OnBytes is not null) { return OnBytes(stream, bytes); }
        Received.AddRange(bytes);
        return bytes.Length;
    }

    public void OnInputEnded(TcpStream stream) => IsInputEnded = true;

    public void OnFilled(TcpStream stream) => Filled++;

    public void OnClosed(TcpStream stream, Errno reason)
    {
        if (IsClosed) { throw new InvalidOperationException("closed twice"); }
        IsClosed = true;
        Reason = reason;
    }
}

/// <summary>Gives the first accepted connection to a peer.</summary>
internal sealed class RawListener(TcpStreams streams, RawPeer peer) : IStreamListener
{
    public void OnAccepted(int fd) => peer.Stream = streams.Adopt(fd, peer);
}
