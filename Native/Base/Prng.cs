using System;
using System.Numerics;

namespace Fastblock.Native.Base;

/// <summary>Seam 2: randomness. xoshiro256** (Blackman and Vigna), seeded through splitmix64: the same seed gives the same
/// sequence on every machine. One per owner, never shared between threads. Not for secrets.</summary>
internal sealed class Prng
{
    private ulong _s0, _s1, _s2, _s3;

    public Prng(ulong seed)
    {
        unchecked
        {
            _s0 = SplitMix(ref seed);
            _s1 = SplitMix(ref seed);
            _s2 = SplitMix(ref seed);
            _s3 = SplitMix(ref seed);
        }
    }

    /// <summary>64 uniformly distributed bits.</summary>
    public ulong Next()
    {
        unchecked
        {
            ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
            ulong t = _s1 << 17;
            _s2 ^= _s0;
            _s3 ^= _s1;
            _s1 ^= _s2;
            _s0 ^= _s3;
            _s2 ^= t;
            _s3 = BitOperations.RotateLeft(_s3, 45);
            return result;
        }
    }

    /// <summary>Uniform in [0, <paramref name="end"/>); <paramref name="end"/> > 0.</summary>
    public ulong Below(ulong end)
    {
        Invariant.Require(end > 0);
        return Math.BigMul(Next(), end, out _);
    }

    /// <inheritdoc cref="Below(ulong)"/>
    public int Below(int end) => (int)Below((ulong)end);

    /// <summary>Uniform in [<paramref name="first"/>, <paramref name="last"/>], both included.</summary>
    public long Between(long first, long last) => first + (long)Below((ulong)(last - first) + 1);

    /// <summary>True with a probability of <paramref name="perMillion"/> in a million.</summary>
    public bool Chance(int perMillion) => Below(1_000_000) < perMillion;

    /// <summary>A new, independent generator drawn from this one.</summary>
    public Prng Fork() => new(Next());

    private static ulong SplitMix(ref ulong state)
    {
        unchecked
        {
            ulong z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
