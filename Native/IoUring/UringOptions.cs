namespace Fastblock.Native.IoUring;

/// <summary>Sizes of a ring, and features to do without: for tests of the fallbacks and for kernels whose newest feature
/// turns out to be broken.</summary>
internal sealed record UringOptions
{
    /// <summary>Entries of the submission queue: what one iteration submits in one call. More goes out in several.</summary>
    public uint SqEntries { get; init; } = 512;

    /// <summary>Entries of the completion queue; the kernel keeps what does not fit.</summary>
    public uint CqEntries { get; init; } = 4096;

    /// <summary>Set-up flags not to ask for.</summary>
    public UringSetup Without { get; init; }

    /// <summary>Do not register the ring's descriptor.</summary>
    public bool WithoutRegisteredRing { get; init; }

    /// <summary>Do not register the buffer pool's memory.</summary>
    public bool WithoutRegisteredBuffers { get; init; }
}
