using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;

namespace Fastblock.Tests.Unit.Client;

/// <summary>The client's end of a connection to a <see cref="FakeCluster"/>. Allocates nothing per frame once warm.</summary>
internal sealed class FakeConnection(FakeCluster cluster, uint osd, int shard, IConnectionHandler handler) : IConnection
{
    private readonly Hello _peer = new() { Role = PeerRole.Osd, NodeId = osd, Shard = (ushort)shard };

    public uint Osd => osd;
    public IConnectionHandler Handler => handler;
    public ref readonly Hello PeerHello => ref _peer;
    public bool IsUp { get; set; }
    public bool IsClosed { get; set; }
    public int QueuedBytes => 0;
    public long HeardNanos { get; set; }
    public object? Tag { get; set; }

    /// <summary>Says Again to every send.</summary>
    public bool IsFull { get; set; }

    public Errno TrySend(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload = default)
    {
        if (!IsUp) { return Errno.NotConnected; }
        if (IsFull) { return Errno.Again; }
        FakeFrame frame = cluster.RentFrame(this, body);
        int total = 0;
        foreach (PayloadPart part in payload) { total += part.Length; }
        if (total > 0)
        {
            PooledBuffer copy = cluster.Buffers.TryRent(total)!;
            int at = 0;
            foreach (PayloadPart part in payload)
            {
                part.Buffer.Span(part.Offset, part.Length).CopyTo(copy.Span(at, part.Length));
                at += part.Length;
            }
            frame.Payload = copy;
            frame.PayloadBytes = total;
        }
        cluster.Requests.PushBack(frame);
        return Errno.None;
    }

    public void Probe()
    {
        cluster.Probes++;
        if (!IsClosed && !cluster.Mute.Contains(osd)) { HeardNanos = cluster.NowNanos(); }
    }

    public void Close(Errno reason)
    {
        if (!IsClosed) { cluster.CloseLater(this, reason); }
    }
}
