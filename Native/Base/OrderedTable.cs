using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;

namespace Fastblock.Native.Base;

/// <summary>A table that is asked by key for every I/O and walked in order of keys now and then: a hash table for the one, sorted
/// lists for the other, so that the order never depends on hashes and a walk allocates nothing. Changes cost a shift of the
/// lists: for some thousand keys that seldom change.</summary>
internal sealed class OrderedTable<TKey, TValue> where TKey : notnull, IEquatable<TKey>
{
    private readonly Dictionary<TKey, TValue> _byKey = []; // looked up, never iterated
    private readonly List<TKey> _keys = [];

    public int Count => _byKey.Count;

    /// <summary>In order of keys; not to be changed.</summary>
    public List<TValue> Values { get; } = [];

    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => _byKey.TryGetValue(key, out value);

    public TValue? GetValueOrDefault(TKey key) => _byKey.GetValueOrDefault(key);

    public bool ContainsKey(TKey key) => _byKey.ContainsKey(key);

    /// <summary>The key must be new.</summary>
    public void Add(TKey key, TValue value)
    {
        _byKey.Add(key, value);
        int place = ~_keys.BinarySearch(key);
        _keys.Insert(place, key);
        Values.Insert(place, value);
    }

    /// <summary>Adds or replaces.</summary>
    public void Set(TKey key, TValue value)
    {
        if (!_byKey.ContainsKey(key))
        {
            Add(key, value);
            return;
        }
        _byKey[key] = value;
        Values[_keys.BinarySearch(key)] = value;
    }

    /// <returns>False when the key was not there.</returns>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!_byKey.Remove(key, out value)) { return false; }
        int place = _keys.BinarySearch(key);
        _keys.RemoveAt(place);
        Values.RemoveAt(place);
        return true;
    }

    public void Clear()
    {
        _byKey.Clear();
        _keys.Clear();
        Values.Clear();
    }
}
