using System;
using System.Collections.Generic;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;
using Google.Protobuf;

namespace Fastblock.Roles.Mon;

/// <summary>One watch. It is pushed what changed since its revision; when it is too far behind, the whole map. What is to be
/// sent is fixed as a list of references to immutable values, so a slow watcher costs no copies, and while it is slow
/// nothing more is queued for it: it then gets everything that has changed meanwhile in one step.</summary>
internal sealed class Watcher
{
    private readonly ControlSession _session;
    private readonly ulong _id;
    private readonly string[] _prefixes;
    private readonly List<MapEntry> _entries = [];
    private int _sent;
    private ulong _target;
    private bool _full;
    private bool _sending;
    private ulong _revision;

    public Watcher(ControlSession session, ulong id, WatchRequest request)
    {
        _session = session;
        _id = id;
        _revision = request.FromRevision;
        List<string> prefixes = [];
        foreach (string prefix in request.Prefixes)
        {
            // Only the map is public: the store's other keys are the monitors' own business.
            if (prefix.StartsWith(MapKeys.Prefix, StringComparison.Ordinal)) { prefixes.Add(prefix); }
        }
        if (prefixes.Count == 0) { prefixes.Add(MapKeys.Prefix); }
        _prefixes = [.. prefixes];
    }

    /// <summary>Sends what there is to send, as far as the connection takes it.</summary>
    /// <returns>True when the watcher is up to date.</returns>
    public bool Pump(MonStore store)
    {
        while (true)
        {
            if (_sending && !TrySend()) { return false; }
            if (_revision != 0 && store.Revision <= _revision) { return true; }
            Collect(store);
        }
    }

    private void Collect(MonStore store)
    {
        _entries.Clear();
        _sent = 0;
        _target = store.Revision;
        _sending = true;
        SortedSet<string> keys = new(StringComparer.Ordinal);
        _full = _revision == 0 || !store.TryGetChangedKeys(_revision, IsWanted, keys);
        if (_full)
        {
            foreach (KeyValuePair<string, StoreValue> pair in store.Values)
            {
                if (IsWanted(pair.Key)) { _entries.Add(Entry(pair.Key, pair.Value)); }
            }
            return;
        }
        foreach (string key in keys)
        {
            _entries.Add(store.TryGet(key, out StoreValue value) ? Entry(key, value)
                : new MapEntry { Key = key, Deleted = true, Revision = _target });
        }
    }

    /// <returns>True when all parts are sent.</returns>
    private bool TrySend()
    {
        bool more = true;
        while (more)
        {
            MapChange change = new() { Revision = _target, Full = _full && _sent == 0 };
            int bytes = 0;
            int end = _sent;
            while (end < _entries.Count && bytes < MonLimits.PushBytes)
            {
                MapEntry entry = _entries[end++];
                bytes += entry.Key.Length + entry.Value.Length + 16;
                change.Entries.Add(entry);
            }
            more = change.More = end < _entries.Count;
            if (!_session.TryPush(_id, new ControlPush { MapChange = change })) { return false; }
            _sent = end;
        }
        _entries.Clear();
        _sending = false;
        _revision = _target;
        return true;
    }

    private bool IsWanted(string key)
    {
        foreach (string prefix in _prefixes)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal)) { return true; }
        }
        return false;
    }

    private static MapEntry Entry(string key, StoreValue value) =>
        new() { Key = key, Value = UnsafeByteOperations.UnsafeWrap(value.Bytes), Revision = value.Revision };
}
