namespace Fastblock.Storage.Blobs;

/// <summary>Mixing of bits for hash tables and digests; not cryptographic.</summary>
internal static class Mix
{
    /// <summary>The finalizer of splitmix64: every input bit changes every output bit with a probability near one half.</summary>
    public static ulong Bits(ulong value)
    {
        unchecked
        {
            ulong z = value + 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>Folds <paramref name="next"/> into a running digest; the order matters.</summary>
    public static ulong Fold(ulong digest, ulong next) => unchecked(Bits(digest ^ next) + 0x632BE59BD9B4E019);
}
