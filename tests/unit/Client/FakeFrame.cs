using Fastblock.Native.Reactor;

namespace Fastblock.Tests.Unit.Client;

/// <summary>A frame under way; pooled.</summary>
internal sealed class FakeFrame
{
    public FakeConnection Connection = null!;
    public byte[] Body = new byte[4096];
    public int BodyBytes;
    public PooledBuffer? Payload;
    public int PayloadBytes;
}
