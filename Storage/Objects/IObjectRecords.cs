using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Objects;

/// <summary>Where the object store keeps its records: in production the shard's key-value store. Filled and committed without a
/// wait in between, so one batch under construction is enough.</summary>
internal interface IObjectRecords
{
    /// <summary>Empties the batch.</summary>
    void Begin();

    /// <returns>False: the batch is full; commit it first.</returns>
    bool TryPut(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <inheritdoc cref="TryPut"/>
    bool TryDelete(ReadOnlySpan<byte> key);

    /// <summary>Appends the batch, atomically and after everything committed before.</summary>
    /// <param name="cleaning">The log's cleaner waits for it: it may use the room kept for that.</param>
    /// <param name="sequence">What the listener will be told when it is durable; grows from commit to commit.</param>
    /// <returns>None; anything else: nothing happened (NoSpace or Again: later).</returns>
    Errno Commit(ILogListener listener, bool cleaning, out ulong sequence);

    /// <summary>Every record whose key begins with <paramref name="prefix"/>, in order of the keys.</summary>
    void Scan(byte prefix, IObjectRecordSink sink);
}
