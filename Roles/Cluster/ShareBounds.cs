using System;

namespace Fastblock.Roles.Cluster;

/// <summary>A share as whole numbers: rounded down and rounded up.</summary>
internal readonly record struct ShareBounds(int Low, int High)
{
    public static ShareBounds Of(UInt128 numerator, UInt128 denominator)
    {
        UInt128 low = numerator / denominator;
        return new ShareBounds((int)low, (int)(numerator % denominator == 0 ? low : low + 1));
    }

    public int Clamp(int value) => Math.Clamp(value, Low, High);
}
