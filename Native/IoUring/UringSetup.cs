using System;

namespace Fastblock.Native.IoUring;

/// <summary>The IORING_SETUP_* flags that we use, with the kernel that brought each.</summary>
[Flags]
internal enum UringSetup : uint
{
    None = 0,
    CqSize = 1 << 3,

    /// <summary>Start disabled, so that the thread which enables the ring becomes its owner (5.10).</summary>
    Disabled = 1 << 6,

    /// <summary>Go on submitting behind a request that is refused (5.18).</summary>
    SubmitAll = 1 << 7,

    /// <summary>Do not interrupt the thread for completions: it comes to the kernel often enough (5.19).</summary>
    CoopTaskrun = 1 << 8,

    /// <summary>Say in the shared flags that completions wait for a visit to the kernel (5.19).</summary>
    TaskrunFlag = 1 << 9,

    /// <summary>Only one thread submits (6.0).</summary>
    SingleIssuer = 1 << 12,

    /// <summary>Completions are made when we ask for them, in one go (6.1).</summary>
    DeferTaskrun = 1 << 13,

    /// <summary>No table of indices between the tail and the entries (6.6).</summary>
    NoSqArray = 1 << 16,
}
