namespace Fastblock.Storage.Blobs;

/// <summary>A plain number as a key.</summary>
internal readonly record struct U64Key(ulong Value) : IHashKey<U64Key>
{
    public ulong Hash() => Mix.Bits(Value);
}
