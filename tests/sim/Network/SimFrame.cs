using Fastblock.Net.Transport;

namespace Fastblock.Tests.Sim.Network;

/// <summary>One frame on its way: a copy of its bytes, as a wire would hold them.</summary>
internal sealed class SimFrame
{
    public FrameType Type { get; init; }
    public required byte[] Body { get; init; }

    /// <summary>Null until the sender's kernel has taken the payload over, and for frames without one.</summary>
    public byte[]? Payload { get; set; }

    /// <summary>The sender's buffers until then.</summary>
    public PayloadPart[]? Parts { get; set; }
    public int PayloadBytes { get; init; }

    /// <summary>World time at which it was sent: a process that died earlier never sent it.</summary>
    public long SentAt { get; init; }

    /// <summary>World time before which it does not arrive.</summary>
    public long DueAt { get; set; }

    /// <summary>The answer to a hello: it brings the connection up and no handler sees it.</summary>
    public bool IsGreeting { get; init; }

    public int Bytes => 32 + Body.Length + PayloadBytes;
}
