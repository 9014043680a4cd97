using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>The replicated state of the monitors: an ordered map from keys to values, versioned by revision; the part under
/// "map/" also as typed records. Changed by committed transactions only, the same on every monitor. In memory; the
/// owner makes it durable.</summary>
internal sealed class MonStore
{
    private readonly SortedDictionary<string, StoreValue> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<(Guid, ulong), byte[]> _outcomes = []; // looked up only
    private readonly Queue<Step> _history = new();
    private int _historyKeys;
    private ulong _historyFrom;

    /// <summary>The keys that one revision changed.</summary>
    private readonly record struct Step(ulong Revision, string[] Keys);

    /// <summary>Grows by one with every transaction.</summary>
    public ulong Revision { get; private set; }

    public ClusterMap Map { get; private set; } = new();

    /// <summary>All keys in order.</summary>
    public IEnumerable<KeyValuePair<string, StoreValue>> Values => _values;

    public bool TryGet(string key, out StoreValue value) => _values.TryGetValue(key, out value);

    /// <summary>The next number of a counter; 0 when nothing was ever given out.</summary>
    public ulong Counter(string key) =>
        _values.TryGetValue(key, out StoreValue value) && value.Bytes.Length == 8 ? BitConverter.ToUInt64(value.Bytes) : 0;

    /// <summary>The outcome of a command that was done before.</summary>
    public bool TryGetOutcome(Guid instance, ulong sequence, out byte[] reply)
    {
        bool found = _outcomes.TryGetValue((instance, sequence), out byte[]? bytes);
        reply = bytes ?? [];
        return found;
    }

    /// <summary>Applies a committed transaction as a whole.</summary>
    /// <returns>False when another one got in between: nothing is changed, here and on every other monitor alike.</returns>
    public bool TryApply(StoreTransaction transaction)
    {
        if (transaction.BaseRevision != Revision) { return false; }
        Revision++;
        string[] keys = new string[transaction.Changes.Count];
        for (int i = 0; i < keys.Length; i++)
        {
            StoreChange change = transaction.Changes[i];
            keys[i] = change.Key;
            if (change.Delete) { Remove(change.Key); }
            else { Put(change.Key, new StoreValue(change.Value.ToByteArray(), Revision)); }
        }
        Map.Advance(new Epoch(Revision));
        Remember(keys);
        return true;
    }

    /// <summary>Start-up or hand-over: takes over a value from disk or from another monitor.</summary>
    /// <returns>False when it is a record that this version cannot read; nothing was changed.</returns>
    public bool TryLoad(string key, StoreValue value)
    {
        if (key.StartsWith(MapKeys.Prefix, StringComparison.Ordinal))
        {
            if (!Map.TryPut(key, value.Bytes, new Epoch(value.Revision))) { return false; }
        }
        else if (key.StartsWith(StoreKeys.Requests, StringComparison.Ordinal)
            && TryReadOutcome(value.Bytes, out (Guid, ulong) identity, out byte[] reply))
        {
            _outcomes[identity] = reply;
        }
        _values[key] = value;
        return true;
    }

    /// <summary>Start-up or hand-over: everything has been loaded, and this is the state as of <paramref name="revision"/>.</summary>
    public void EndLoad(ulong revision)
    {
        Revision = revision;
        _historyFrom = revision;
        Map.Advance(new Epoch(revision));
    }

    /// <summary>Forgets everything: a whole state is handed over.</summary>
    public void Clear()
    {
        _values.Clear();
        _outcomes.Clear();
        _history.Clear();
        _historyKeys = 0;
        Map = new ClusterMap();
        Revision = 0;
    }

    /// <summary>The <paramref name="wanted"/> keys that changed after <paramref name="revision"/>, each once, in order.</summary>
    /// <returns>False when the history does not reach back that far.</returns>
    public bool TryGetChangedKeys(ulong revision, Predicate<string> wanted, SortedSet<string> keys)
    {
        if (revision < _historyFrom) { return false; }
        foreach (Step step in _history)
        {
            if (step.Revision <= revision) { continue; }
            foreach (string key in step.Keys)
            {
                if (wanted(key)) { keys.Add(key); }
            }
        }
        return true;
    }

    /// <summary>Applies a committed value. Only this program proposes records, so one that it cannot read is a bug.</summary>
    private void Put(string key, StoreValue value) => Invariant.Require(TryLoad(key, value));

    private void Remove(string key)
    {
        if (!_values.Remove(key, out StoreValue old)) { return; }
        if (key.StartsWith(MapKeys.Prefix, StringComparison.Ordinal)) { Map.Remove(key, new Epoch(Revision)); }
        else if (key.StartsWith(StoreKeys.Requests, StringComparison.Ordinal)
            && TryReadOutcome(old.Bytes, out (Guid, ulong) identity, out _))
        {
            _outcomes.Remove(identity);
        }
    }

    private void Remember(string[] keys)
    {
        _history.Enqueue(new Step(Revision, keys));
        _historyKeys += keys.Length;
        while (_history.Count > MonLimits.HistoryRevisions
            || (_historyKeys > MonLimits.HistoryKeys && _history.Count > 1))
        {
            Step oldest = _history.Dequeue();
            _historyKeys -= oldest.Keys.Length;
            _historyFrom = oldest.Revision;
        }
    }

    private static bool TryReadOutcome(byte[] bytes, out (Guid, ulong) identity, out byte[] reply)
    {
        identity = default;
        reply = [];
        if (!ProtoReader.TryParse(RequestOutcome.Parser, bytes, out RequestOutcome outcome)) { return false; }
        if (!UuidBytes.TryRead(outcome.ClientInstance, out Guid instance)) { return false; }
        identity = (instance, outcome.ClientSequence);
        reply = outcome.Reply.ToByteArray();
        return true;
    }
}
