using Fastblock.Native.Base;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>Times and limits of framed connections.</summary>
internal sealed record TcpTransportOptions
{
    public TcpStreamOptions Streams { get; init; } = new();

    /// <summary>From the connect, or the accept, to a valid hello.</summary>
    public long HelloTimeoutNanos { get; init; } = 5 * Units.NanosPerSecond;

    /// <summary>After so long without a byte from the peer it is asked for one.</summary>
    public long PingIntervalNanos { get; init; } = Units.NanosPerSecond;

    /// <summary>After so long without a byte, counted in whole ping intervals in which we ourselves ran, the peer is dead.</summary>
    public long DeadAfterNanos { get; init; } = 5 * Units.NanosPerSecond;

    /// <summary>Accepted connections that have not said hello yet; more are closed at once.</summary>
    public int MaxGreeting { get; init; } = 256;

    /// <summary>Connections in all; more are closed when accepted.</summary>
    public int MaxConnections { get; init; } = 16 * 1024;
}
