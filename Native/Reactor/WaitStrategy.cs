namespace Fastblock.Native.Reactor;

/// <summary>What a reactor without work does.</summary>
internal enum WaitStrategy
{
    /// <summary>Looks again for a short while, giving way to other processes, then blocks in the kernel.</summary>
    Adaptive,

    /// <summary>Never blocks: for a core that nobody else needs.</summary>
    Busy,

    /// <summary>Blocks at once.</summary>
    Sleep,
}
