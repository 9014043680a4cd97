using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>Which PG holds an object. The function is part of the format: changing it would lose every image, so its
/// values are pinned by a test and described in docs/ARCHITECTURE.md.</summary>
internal static class Placement
{
    /// <summary>
    /// number = mix(mix(image) + index) mod pgCount, with mix = the finaliser of splitmix64 (Steele, Lea, Flood 2014)
    /// after adding its odd constant. The low bits are used, so that doubling pgCount moves an object only from n to
    /// n + old count.
    /// </summary>
    /// <param name="pgCount">A power of two.</param>
    public static uint PgNumber(ObjectId target, int pgCount)
    {
        ulong hash = unchecked(Mix(Mix(target.Image.Value) + target.Index));
        return (uint)(hash & ((ulong)pgCount - 1));
    }

    public static PgId PgOf(PoolInfo pool, ObjectId target) => new(pool.Id, PgNumber(target, pool.PgCount));

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
