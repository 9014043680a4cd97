using System;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport;

/// <summary>One received message.</summary>
internal readonly ref struct Frame
{
    public FrameType Type { get; init; }

    /// <summary>The message itself; valid during the call only.</summary>
    public ReadOnlySpan<byte> Body { get; init; }

    /// <summary>The payload, block-aligned at its start; null when there is none. Retain it to keep it.</summary>
    public PooledBuffer? Payload { get; init; }

    /// <summary>Valid bytes in <see cref="Payload"/>.</summary>
    public int PayloadBytes { get; init; }
}
