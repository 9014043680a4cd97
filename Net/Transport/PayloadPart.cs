using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport;

/// <summary>A piece of a buffer to send.</summary>
internal readonly record struct PayloadPart(PooledBuffer Buffer, int Offset, int Length);
