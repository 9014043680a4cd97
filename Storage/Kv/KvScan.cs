using System;

namespace Fastblock.Storage.Kv;

/// <summary>A walk over pairs in order: <c>while (scan.Next()) { scan.Key, scan.Value }</c>.</summary>
internal ref struct KvScan
{
    public bool Next() => throw new NotSupportedException();
    public readonly ReadOnlySpan<byte> Key => throw new NotSupportedException();
    public readonly ReadOnlySpan<byte> Value => throw new NotSupportedException();
}
