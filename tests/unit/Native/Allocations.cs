using System;

namespace Fastblock.Tests.Unit.Native;

/// <summary>Managed bytes that the calling thread allocates. The runtime itself allocates now and then on whatever thread it likes
/// (tiered compilation), so work is measured in several windows of the same size: what allocates per operation does so in
/// every one of them, and the least must be exactly 0.</summary>
internal static class Allocations
{
    private const int Windows = 8;

    /// <returns>Bytes of the window with the fewest.</returns>
    public static long LeastOf(Action window)
    {
        long least = long.MaxValue;
        for (int i = 0; i < Windows && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            window();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
