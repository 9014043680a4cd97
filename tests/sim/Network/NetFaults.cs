using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Network;

/// <summary>How bad the network is. Rates are chances per million; times are nanoseconds.</summary>
internal sealed record NetFaults
{
    public long DelayMinNanos { get; set; } = 20 * Units.NanosPerMicro;
    public long DelayMaxNanos { get; set; } = 200 * Units.NanosPerMicro;

    /// <summary>Chance that a frame is late by up to <see cref="LateMaxNanos"/> (and all behind it on that connection): what
    /// a lost and repeated TCP segment looks like.</summary>
    public int LatePerMillion { get; set; }
    public long LateMaxNanos { get; set; } = 300 * Units.NanosPerMilli;

    /// <summary>Chance, per frame, that its connection breaks: what was under way is lost from some point on.</summary>
    public int ResetPerMillion { get; set; }

    /// <summary>Bytes that a connection carries before the receiver has taken them: beyond, the sender queues.</summary>
    public int WindowBytes { get; set; } = (int)(256 * Units.KiB);

    /// <summary>Bytes a sender may queue on a connection.</summary>
    public int SendQueueBytes { get; set; } = Fastblock.Net.Transport.NetLimits.MaxSendQueueBytes;

    /// <summary>Bytes per second of one connection; 0 = no limit.</summary>
    public long BytesPerSecond { get; set; }

    /// <summary>Chances that a frame of a protocol that claims to survive it (raft, heartbeats, data requests and replies) is
    /// lost, doubled or overtaken inside a living connection. Harsher than TCP: shows what the protocols rely on.</summary>
    public int FrameLossPerMillion { get; set; }
    public int FrameDoublePerMillion { get; set; }
    public int FrameOvertakenPerMillion { get; set; }

    /// <summary>Silence after which a connection is given up, and how often that is looked at.</summary>
    public long DeadPeerNanos { get; set; } = 3 * Units.NanosPerSecond;
    public long KeepAliveNanos { get; set; } = Units.NanosPerSecond;

    /// <summary>How long a connection attempt may take.</summary>
    public long ConnectTimeoutNanos { get; set; } = 3 * Units.NanosPerSecond;
}
