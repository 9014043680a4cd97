using Fastblock.Native.Base;

namespace Fastblock.Net.Rpc;

/// <summary>Bounds of the control plane's calls.</summary>
internal static class RpcLimits
{
    /// <summary>Requests of one connection that may wait for an answer; beyond it the requester gets Again at once.</summary>
    public const int MaxOutstanding = 256;

    /// <summary>Bytes queued towards one peer above which pushes wait (the peer is slow).</summary>
    public const int MaxPushQueueBytes = (int)(4 * Units.MiB);
}
