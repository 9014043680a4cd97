namespace Fastblock.Storage.Kv;

/// <summary>What one item of a batch does; the values are on disk.</summary>
internal enum KvOperation : byte
{
    None = 0,
    Put = 1,
    Delete = 2,
}
