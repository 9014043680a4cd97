using System;
using Fastblock.Native.Base;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>The protocol on top of a <see cref="TcpStream"/>. Called inside the reactor's loop; must not block or throw.</summary>
internal interface IStreamHandler
{
    /// <summary>A connect has succeeded. Does not come for adopted streams.</summary>
    void OnConnected(TcpStream stream);

    /// <summary>Bytes are there. What is not consumed comes again, with more behind it, when more has arrived; a message longer
    /// than the staging buffer must be consumed piece by piece.</summary>
    /// <param name="bytes">Everything received and not yet consumed; valid during the call only.</param>
    /// <returns>How many of them are done with. After <see cref="TcpStream.ReceiveInto"/> the bytes behind the consumed ones
    /// go to that buffer.</returns>
    int OnReceived(TcpStream stream, ReadOnlySpan<byte> bytes);

    /// <summary>The buffer given to <see cref="TcpStream.ReceiveInto"/> is full.</summary>
    void OnFilled(TcpStream stream);

    /// <summary>The peer may end its side first and still wait for what we have to say: its end comes as
    /// <see cref="OnInputEnded"/>. Otherwise it ends the stream.</summary>
    bool OutlivesInput => false;

    /// <summary>The peer has ended its side, and everything before that was offered to OnReceived. The handler ends the stream,
    /// as a rule by <see cref="TcpStream.CloseWhenSent"/>.</summary>
    void OnInputEnded(TcpStream stream) { }

    /// <summary>The end; exactly once, whatever the cause.</summary>
    /// <param name="reason">ShutDown = the peer closed in good order; else the kernel's error or what Close was given.</param>
    void OnClosed(TcpStream stream, Errno reason);
}
