namespace Fastblock.Roles.Config;

/// <summary>How a reactor waits for work.</summary>
internal enum PollMode : byte
{
    /// <summary>Spin for a short time after the last work, then sleep in the kernel.</summary>
    Adaptive,
    /// <summary>Never sleep: lowest latency, one full core per reactor.</summary>
    Busy,
    /// <summary>Never spin: least CPU.</summary>
    Sleep,
}
