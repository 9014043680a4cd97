namespace Fastblock.Storage.Blobs;

/// <summary>A plain number as a key.</summary>
internal readonly record struct U32Key(uint Value) : IHashKey<U32Key>
{
    public ulong Hash() => Mix.Bits(Value);
}
