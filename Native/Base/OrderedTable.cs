using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;

namespace Fastblock.Native.Base;

/// <summary>A table that is asked by key for every I/O and walked in order of keys now and then: a hash table for the one, a
/// sorted tree for the other, so that the order never depends on hashes.</summary>
internal sealed class OrderedTable<TKey, TValue> where TKey : notnull, IEquatable<TKey>
{
    private readonly Dictionary<TKey, TValue> _byKey = []; // looked up, never iterated
    private readonly SortedDictionary<TKey, TValue> _inOrder = [];

    public int Count => _byKey.Count;

    /// <summary>In order of keys.</summary>
    public SortedDictionary<TKey, TValue>.ValueCollection Values => _inOrder.Values;

    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => _byKey.TryGetValue(key, out value);

    public TValue? GetValueOrDefault(TKey key) => _byKey.GetValueOrDefault(key);

    public bool ContainsKey(TKey key) => _byKey.ContainsKey(key);

    /// <summary>The key must be new.</summary>
    public void Add(TKey key, TValue value)
    {
        _byKey.Add(key, value);
        _inOrder.Add(key, value);
    }

    /// <summary>Adds or replaces.</summary>
    public void Set(TKey key, TValue value)
    {
        _byKey[key] = value;
        _inOrder[key] = value;
    }

    /// <returns>False when the key was not there.</returns>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value) => _byKey.Remove(key, out value) && _inOrder.Remove(key);

    public void Clear()
    {
        _byKey.Clear();
        _inOrder.Clear();
    }
}
