using System;
using Google.Protobuf;

namespace Fastblock.Net.Rpc;

/// <summary>Parses protobuf that came from outside. The library says "malformed" by exception; it ends here.</summary>
internal static class ProtoReader
{
    /// <returns>False when the bytes are no such message; <paramref name="message"/> is then a new, empty one.</returns>
    public static bool TryParse<T>(MessageParser<T> parser, ReadOnlySpan<byte> bytes, out T message)
        where T : IMessage<T>, new()
    {
        try
        {
            message = parser.ParseFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            message = new T();
            return false;
        }
    }
}
