using System;

namespace Fastblock.Storage.Kv;

/// <summary>A walk over pairs in order: <c>while (scan.Next()) { scan.Key, scan.Value }</c>. The store must not be changed
/// during the walk.</summary>
internal unsafe ref struct KvScan
{
    private readonly KvIndex _index;
    private readonly ReadOnlySpan<byte> _prefix;
    private KvIndex.Place _place;
    private KvNode* _node;

    internal KvScan(KvIndex index, KvIndex.Place start, ReadOnlySpan<byte> prefix)
    {
        _index = index;
        _place = start;
        _prefix = prefix;
        _node = null;
    }

    public bool Next()
    {
        if (_node is not null) { _place = _place with { Item = _place.Item + 1 }; }
        _node = _index.At(ref _place);
        return _node is not null && Key.StartsWith(_prefix);
    }

    public readonly ReadOnlySpan<byte> Key => KvNode.Key(_node);
    public readonly ReadOnlySpan<byte> Value => KvNode.Value(_node);
}
