namespace Fastblock.Roles.Nbd;

/// <summary>One command under way; pooled by its connection.</summary>
internal sealed class NbdRequest
{
    public ulong Cookie { get; set; }
    public ushort Type { get; set; }
    public ushort Flags { get; set; }
    public long OffsetBytes { get; set; }
    public long LengthBytes { get; set; }

    /// <summary>When its header had come.</summary>
    public long ArrivedNanos { get; set; }

    /// <summary>First error, as the protocol numbers them.</summary>
    public uint Error { get; set; }

    /// <summary>I/Os submitted and not completed.</summary>
    public int IosInFlight { get; set; }

    /// <summary>Bytes for which an I/O was submitted.</summary>
    public long StartedBytes { get; set; }

    /// <summary>Everything it needs has been started: it ends with its last I/O.</summary>
    public bool IsStarted { get; set; }

    /// <summary>A big read that is answered piece by piece.</summary>
    public bool IsPiecewise { get; set; }

    /// <summary>Taken from the server's budget and not used for a read yet.</summary>
    public long BudgetBytes { get; set; }

    public void Clear()
    {
        Error = 0;
        IosInFlight = 0;
        StartedBytes = 0;
        IsStarted = false;
        IsPiecewise = false;
        BudgetBytes = 0;
    }
}
