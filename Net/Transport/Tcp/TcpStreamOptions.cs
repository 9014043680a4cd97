using Fastblock.Native.Base;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>Sizes of the stream layer.</summary>
internal sealed record TcpStreamOptions
{
    /// <summary>Receive buffer of each stream. One receive brings this much at most, so it also is the size of a batch: a
    /// dozen requests with 4 KiB each.</summary>
    public int StagingBytes { get; init; } = (int)(64 * Units.KiB);

    /// <summary>A payload with at least this much still to come is received straight into its buffer; for less, the copy from
    /// the staging buffer is cheaper than cutting the batch short.</summary>
    public int DirectReceiveBytes { get; init; } = (int)(16 * Units.KiB);

    /// <summary>Most bytes queued on one stream. A single message that is longer is taken when nothing else is queued.</summary>
    public int MaxQueuedBytes { get; init; } = NetLimits.MaxSendQueueBytes;
}
