using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Records in memory with a durability of their own: batches become durable in order when pumped; a crash keeps a prefix.</summary>
internal sealed class TestRecords : IObjectRecords
{
    private sealed record Batch(ulong Sequence, List<(string Key, byte[]? Value)> Changes, ILogListener Listener);

    private readonly SortedDictionary<string, byte[]> _durable = new(StringComparer.Ordinal);
    private readonly Queue<Batch> _pending = new();
    private List<(string Key, byte[]? Value)> _changes = [];
    private int _bytes;
    private ulong _sequence;

    /// <summary>Most bytes of a batch.</summary>
    public int BatchLimit { get; set; } = 128 * 1024;

    /// <summary>Commits answer this while it is not None.</summary>
    public Errno Refuse { get; set; }

    public long Commits { get; private set; }
    public int Count => _durable.Count;
    public bool HasPending => _pending.Count > 0;
    public IReadOnlyDictionary<string, byte[]> Durable => _durable;

    public void Begin()
    {
        _changes = [];
        _bytes = 0;
    }

    public bool TryPut(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => TryAdd(key, value.ToArray());

    public bool TryDelete(ReadOnlySpan<byte> key) => TryAdd(key, null);

    public Errno Commit(ILogListener listener, bool cleaning, out ulong sequence)
    {
        sequence = 0;
        if (Refuse is not Errno.None) { return Refuse; }
        sequence = ++_sequence;
        _pending.Enqueue(new Batch(sequence, _changes, listener));
        Commits++;
        return Errno.None;
    }

    public void Scan(byte prefix, IObjectRecordSink sink)
    {
        foreach ((string key, byte[] value) in _durable)
        {
            byte[] bytes = Convert.FromHexString(key);
            if (bytes[0] == prefix) { sink.OnRecord(bytes, value); }
        }
    }

    /// <summary>Nothing becomes durable.</summary>
    public bool Hold { get; set; }

    /// <summary>Makes up to <paramref name="count"/> batches durable.</summary>
    public void Pump(int count)
    {
        if (Hold) { return; }
        for (; count > 0 && _pending.TryDequeue(out Batch? batch); count--)
        {
            Take(batch);
            batch.Listener.OnLogDurable(batch.Sequence);
        }
    }

    /// <summary>A prefix of what is pending survives.</summary>
    public void Crash(Prng prng)
    {
        for (int keep = prng.Below(_pending.Count + 1); keep > 0; keep--) { Take(_pending.Dequeue()); }
        _pending.Clear();
    }

    public void Damage(string key, byte[] value) => _durable[key] = value;

    private bool TryAdd(ReadOnlySpan<byte> key, byte[]? value)
    {
        int bytes = key.Length + (value?.Length ?? 0);
        if (_bytes + bytes > BatchLimit) { return false; }
        _bytes += bytes;
        _changes.Add((Convert.ToHexString(key), value));
        return true;
    }

    private void Take(Batch batch)
    {
        foreach ((string key, byte[]? value) in batch.Changes)
        {
            if (value is null) { _ = _durable.Remove(key); } else { _durable[key] = value; }
        }
    }
}
