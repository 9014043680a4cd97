using System;

namespace Fastblock.Roles.Nbd;

/// <summary>The owner of an <see cref="IByteStream"/>.</summary>
internal interface IByteStreamHandler
{
    /// <summary>Bytes are there; valid during the call only. What is not consumed comes again.</summary>
    /// <returns>How many are done with.</returns>
    int OnReceived(ReadOnlySpan<byte> bytes);

    /// <summary>The buffer given to <see cref="IByteStream.ReceiveInto"/> is full.</summary>
    void OnFilled();

    /// <summary>The client sends no more, and everything before that was offered to OnReceived. It may still read.</summary>
    void OnInputEnded();

    /// <summary>The end, exactly once; nothing is called afterwards.</summary>
    void OnClosed();
}
