using Fastblock.Native.Base;

namespace Fastblock.Net.Transport;

/// <summary>Bounds of everything that comes from a socket, checked before a length is used.</summary>
internal static class NetLimits
{
    /// <summary>Largest body of a data, raft or recovery frame: descriptors and CRCs of a full payload fit with room.</summary>
    public const int MaxBodyBytes = 64 * 1024;

    /// <summary>Largest protobuf control message: a map of 10,000 PGs is about 1 MiB.</summary>
    public const int MaxControlBytes = 16 * 1024 * 1024;

    /// <summary>Largest payload of one frame, and so of one data operation: bigger I/O is split by the client.</summary>
    public const int MaxPayloadBytes = (int)(512 * Units.KiB);

    /// <summary>Most bytes queued on one connection before TrySend says Again.</summary>
    public const int MaxSendQueueBytes = (int)(8 * Units.MiB);
}
