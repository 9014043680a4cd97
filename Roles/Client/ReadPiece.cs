using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Client;

/// <summary>A part of what a read brought: bytes in a buffer of which the I/O holds a reference, or a hole.</summary>
internal readonly record struct ReadPiece(PooledBuffer? Buffer, int Offset, int Length)
{
    /// <summary>Nothing is stored there: the bytes are zeros.</summary>
    public bool IsHole => Buffer is null;
}
