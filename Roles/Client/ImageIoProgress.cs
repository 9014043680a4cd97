namespace Fastblock.Roles.Client;

/// <summary>How far the image is with an I/O; private to the image.</summary>
internal struct ImageIoProgress
{
    /// <summary>Bytes from the start that were cut into parts so far.</summary>
    public long CutBytes;

    /// <summary>Parts made so far: also the number of the next read piece.</summary>
    public int PartsMade;

    public int PartsInFlight;

    /// <summary>Waits in the client's queue for a free request.</summary>
    public bool IsStalled;

    /// <summary>Parts of it are being made at this moment.</summary>
    public bool IsCutting;
}
