using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Google.Protobuf;

namespace Fastblock.Roles.Mon;

/// <summary>
/// The monitor's store on its device: every key as "m/" + key with the revision before the value, and one record "m!state" with
/// the applied index and the revision. Transactions are written behind applying them; one too large for an atomic batch
/// goes in several, the state record with the last. A crash in between leaves the old state record, and the
/// transaction is applied again from the raft log: putting the same values twice is harmless.
/// </summary>
internal sealed class MonDisk(KvStore kv) : ILogListener
{
    private const int StateBytes = 24;
    private const uint StateVersion = 1;
    private const string ValuePrefix = "m/";

    private readonly KvBatch _batch = new();
    private readonly Queue<Change> _queue = new();
    private readonly Queue<(ulong Sequence, ulong Applied)> _inFlight = new();

    /// <summary>One change to be written; a null key stands for the state record.</summary>
    private readonly record struct Change(byte[]? Key, byte[]? Value, ulong Revision, ulong Applied);

    private static ReadOnlySpan<byte> StateKey => "m!state"u8;
    private static ReadOnlySpan<byte> IdentityKey => "m!identity"u8;
    private static ReadOnlySpan<byte> Values => "m/"u8;

    /// <summary>Raft index up to which the store is durable here without the raft log.</summary>
    public ulong DurableApplied { get; private set; }

    /// <summary>The device failed: nothing more becomes durable.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Everything that was queued is durable.</summary>
    public bool IsDurable => _queue.Count == 0 && _inFlight.Count == 0;

    /// <summary>Reads everything into an empty store.</summary>
    /// <returns>False when a record makes no sense.</returns>
    public bool TryLoad(MonStore store, out ulong revision)
    {
        revision = 0;
        DurableApplied = 0;
        if (kv.TryGet(StateKey, out ReadOnlySpan<byte> state))
        {
            if (state.Length != StateBytes || BinaryPrimitives.ReadUInt32LittleEndian(state) != StateVersion) { return false; }
            DurableApplied = BinaryPrimitives.ReadUInt64LittleEndian(state[8..]);
            revision = BinaryPrimitives.ReadUInt64LittleEndian(state[16..]);
        }
        KvScan scan = kv.Scan(Values);
        while (scan.Next())
        {
            if (scan.Value.Length < 8) { return false; }
            string key = Encoding.UTF8.GetString(scan.Key[ValuePrefix.Length..]);
            ulong changed = BinaryPrimitives.ReadUInt64LittleEndian(scan.Value);
            if (!store.TryLoad(key, new StoreValue(scan.Value[8..].ToArray(), changed))) { return false; }
        }
        store.EndLoad(revision);
        return true;
    }

    public bool TryReadIdentity(out MonIdentity identity)
    {
        identity = new MonIdentity();
        return kv.TryGet(IdentityKey, out ReadOnlySpan<byte> bytes)
            && ProtoReader.TryParse(MonIdentity.Parser, bytes, out identity);
    }

    /// <summary>Writes who this monitor is; durable when <paramref name="listener"/> hears of it.</summary>
    public Errno WriteIdentity(MonIdentity identity, ILogListener listener, out ulong sequence)
    {
        sequence = 0;
        _batch.Clear();
        return _batch.TryPut(IdentityKey, identity.ToByteArray()) ? kv.Commit(_batch, listener, out sequence) : Errno.Invalid;
    }

    /// <summary>Queues an applied transaction.</summary>
    public void Add(StoreTransaction transaction, ulong revision, ulong applied)
    {
        foreach (StoreChange change in transaction.Changes)
        {
            byte[] key = KeyOf(change.Key);
            _queue.Enqueue(new Change(key, change.Delete ? null : ValueOf(change.Value.Span, revision), 0, 0));
        }
        AddState(revision, applied);
    }

    /// <summary>Queues a state that has no new values: the log wants to let go of entries that changed nothing.</summary>
    public void AddState(ulong revision, ulong applied) => _queue.Enqueue(new Change(null, null, revision, applied));

    /// <summary>Hand-over: queues a value as it is on the leader.</summary>
    public void AddValue(string key, ReadOnlySpan<byte> value, ulong changed) =>
        _queue.Enqueue(new Change(KeyOf(key), ValueOf(value, changed), 0, 0));

    /// <summary>Hand-over: drops what is queued and queues the deletion of every value.</summary>
    public void Wipe()
    {
        _queue.Clear();
        KvScan scan = kv.Scan(Values);
        while (scan.Next()) { _queue.Enqueue(new Change(scan.Key.ToArray(), null, 0, 0)); }
        AddState(0, 0);
        DurableApplied = 0;
    }

    /// <summary>Hands what is queued to the log, as far as it takes it.</summary>
    /// <returns>False when the log has no room now: call again later.</returns>
    public bool TryFlush()
    {
        while (_queue.Count > 0 && !HasFailed)
        {
            _batch.Clear();
            int taken = 0;
            ulong applied = 0;
            bool hasState = false;
            foreach (Change change in _queue)
            {
                if (!TryAdd(in change)) { break; }
                taken++;
                if (change.Key is null) { (applied, hasState) = (change.Applied, true); }
            }
            Invariant.Require(taken > 0); // values are far smaller than a batch
            if (kv.Commit(_batch, this, out ulong sequence) is not Errno.None) { return false; }
            for (int i = 0; i < taken; i++) { _queue.Dequeue(); }
            // A batch without a state record makes nothing durable by itself, but must be waited for.
            _inFlight.Enqueue((sequence, hasState ? applied : 0));
        }
        return true;
    }

    public void OnLogDurable(ulong sequence)
    {
        while (_inFlight.TryPeek(out (ulong Sequence, ulong Applied) first) && first.Sequence <= sequence)
        {
            _inFlight.Dequeue();
            DurableApplied = Math.Max(DurableApplied, first.Applied);
        }
    }

    public void OnLogFailed(Errno status) => HasFailed = true;

    private bool TryAdd(in Change change)
    {
        if (change.Key is null)
        {
            Span<byte> state = stackalloc byte[StateBytes];
            state.Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(state, StateVersion);
            BinaryPrimitives.WriteUInt64LittleEndian(state[8..], change.Applied);
            BinaryPrimitives.WriteUInt64LittleEndian(state[16..], change.Revision);
            return _batch.TryPut(StateKey, state);
        }
        return change.Value is null ? _batch.TryDelete(change.Key) : _batch.TryPut(change.Key, change.Value);
    }

    private static byte[] KeyOf(string key) => Encoding.UTF8.GetBytes(ValuePrefix + key);

    private static byte[] ValueOf(ReadOnlySpan<byte> value, ulong revision)
    {
        byte[] bytes = new byte[8 + value.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, revision);
        value.CopyTo(bytes.AsSpan(8));
        return bytes;
    }
}
