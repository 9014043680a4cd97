using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport;

/// <summary>What the payloads that come over a connection are for.</summary>
internal static class PeerUse
{
    /// <param name="own">Role of this side.</param>
    /// <param name="peer">Role of the sender.</param>
    public static BufferUse Of(PeerRole own, PeerRole peer) =>
        own is PeerRole.Client ? BufferUse.Any : peer is PeerRole.Client ? BufferUse.Client : BufferUse.Peer;
}
