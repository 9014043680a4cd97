namespace Fastblock.Net.Transport;

/// <summary>What a transport has carried: plain numbers, written by its reactor only. Whoever reads them from another thread sees values that
/// may be a moment old.</summary>
internal sealed class TransportCounters
{
    /// <summary>Frames given to the kernel or waiting for it, hellos and keep-alives included.</summary>
    public long FramesSent;

    /// <summary>Whole frames that arrived.</summary>
    public long FramesReceived;

    /// <summary>Bytes of the frames sent: headers, bodies, payloads.</summary>
    public long BytesSent;
}
