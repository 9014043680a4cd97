namespace Fastblock.Roles.Client;

/// <summary>Counters of one <see cref="ImageClient"/>, for metrics and tests. They only grow.</summary>
internal sealed class ImageClientStats
{
    /// <summary>Requests sent, repetitions included.</summary>
    public long Sent;

    /// <summary>Requests sent again, for whatever reason.</summary>
    public long Resent;

    /// <summary>Requests that were not answered in time.</summary>
    public long TimedOut;

    /// <summary>Answers that named another leader or denied leadership.</summary>
    public long Redirected;

    /// <summary>Writes whose payload did not match its checksum on arrival.</summary>
    public long WriteChecksumErrors;

    /// <summary>Reads whose payload did not match its checksum on arrival.</summary>
    public long ReadChecksumErrors;

    public long ReadBytes;
    public long WrittenBytes;
}
