namespace Fastblock.Native.Base;

/// <summary>The sizes and time units that everything is counted in.</summary>
internal static class Units
{
    /// <summary>What front ends speak.</summary>
    public const int SectorBytes = 512;

    /// <summary>The unit of logs, checksums and device I/O.</summary>
    public const int BlockBytes = 4096;

    public const long KiB = 1L << 10;
    public const long MiB = 1L << 20;
    public const long GiB = 1L << 30;
    public const long TiB = 1L << 40;

    public const long NanosPerMicro = 1_000;
    public const long NanosPerMilli = 1_000_000;
    public const long NanosPerSecond = 1_000_000_000;

    /// <summary>Whole blocks in <paramref name="bytes"/>, which must be a multiple of a block.</summary>
    public static int Blocks(int bytes)
    {
        Invariant.Require(bytes % BlockBytes == 0);
        return bytes / BlockBytes;
    }

    /// <summary>Blocks needed to hold <paramref name="bytes"/>.</summary>
    public static long BlocksRoundedUp(long bytes) => (bytes + BlockBytes - 1) / BlockBytes;

    public static long RoundUp(long value, long multiple) => (value + multiple - 1) / multiple * multiple;
}
