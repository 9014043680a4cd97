using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

/// <summary>The log of one shard, shared by all its groups and by its key-value store. One reactor's thread only.</summary>
internal sealed class DiskLog : IIterationHook
{
    /// <summary>Replays what the shard's part holds, cuts the torn tail and makes the log ready for appends. Nothing is written
    /// before the replay has ended, so that a crash in it changes nothing.</summary>
    /// <returns>None, or Io / BadMessage when the log cannot be used at all (damage that is only partial is reported to the
    /// sink and the log opens).</returns>
    public static ReactorTask<LogOpenResult> OpenAsync(
        Reactor reactor, ShardVolume volume, DiskLogOptions options, IReplaySink sink, IKvLogClient kv) =>
        throw new NotSupportedException();

    /// <summary>Appends one entry to the batch that is written at the end of this loop iteration. The payload buffer is retained
    /// until it is written (and a while longer, as a cache).</summary>
    /// <param name="payload">Whole, block-aligned blocks from <paramref name="payloadOffset"/> on; null when there are none.</param>
    /// <param name="listener">Told when the entry is durable; may be null.</param>
    /// <param name="sequence">What <see cref="ILogListener.OnLogDurable"/> will say.</param>
    /// <param name="payloadAt">Where the payload will lie; readable there once the entry is durable.</param>
    /// <returns>None; NoSpace = the log is full until segments are cleaned; Again = too many writes are under way (both:
    /// <see cref="NotifyWhenRoom"/>); Stale = another incarnation, or no such group; Invalid = gap or limits; Io = the log
    /// has failed.</returns>
    public Errno TryAppendEntry(in EntryRecord record, PooledBuffer? payload, int payloadOffset, int payloadBytes,
        ILogListener? listener, out ulong sequence, out LogLocation payloadAt) => throw new NotSupportedException();

    /// <summary>Appends an atomic key-value record; for the key-value store.</summary>
    public Errno TryAppendKv(ReadOnlySpan<byte> operations, bool cleaning, ILogListener? listener, out ulong sequence,
        out ulong segment) => throw new NotSupportedException();

    /// <summary>Creates the group, or drops all its entries: its log begins anew behind the base. The incarnation may not go
    /// back.</summary>
    public Errno TryAppendReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm, ILogListener? listener,
        out ulong sequence) => throw new NotSupportedException();

    /// <summary>Removes the group and all its entries.</summary>
    public Errno TryAppendRemove(PgId group, ILogListener? listener, out ulong sequence) => throw new NotSupportedException();

    /// <summary>Runs <paramref name="waiter"/> once when an append that was refused may succeed.</summary>
    public void NotifyWhenRoom(IRunnable waiter) => throw new NotSupportedException();

    /// <summary>Everything up to here is durable.</summary>
    public ulong DurableSequence => throw new NotSupportedException();

    /// <summary>Ids of all groups, in order of id.</summary>
    public IReadOnlyList<PgId> Groups => throw new NotSupportedException();

    public bool TryGetGroup(PgId group, out LogGroupInfo info) => throw new NotSupportedException();

    /// <summary>Term of an entry that the log holds, or of the group's base.</summary>
    public bool TryGetTerm(PgId group, ulong index, out ulong term) => throw new NotSupportedException();

    /// <summary>Reads an entry from memory.</summary>
    /// <returns>None; Again = it must come from the device: <see cref="ReadAsync"/>; NotFound = not in the log.</returns>
    public Errno TryReadCached(PgId group, ulong index, bool withPayload, LogEntryBuffer into) => throw new NotSupportedException();

    /// <summary>Reads an entry from memory or from the device, checksums verified. <paramref name="into"/> must live until the
    /// task ends.</summary>
    /// <returns>None; NotFound (also when it was cut or cleaned meanwhile); NoBuffers = none for the payload now;
    /// BadMessage = damaged; Io.</returns>
    public ReactorTask<Errno> ReadAsync(PgId group, ulong index, bool withPayload, LogEntryBuffer into) =>
        throw new NotSupportedException();

    /// <summary>Starts the cleaner. <paramref name="mover"/> is null where nothing refers to payload blocks (monitors).</summary>
    public void StartCleaner(ILogOwner owner, IBlockMover? mover) => throw new NotSupportedException();

    /// <summary>Stops the cleaner, waits for the writes under way, and notes the clean end on the device.</summary>
    public ReactorTask<Errno> CloseAsync() => throw new NotSupportedException();

    public LogStatistics Statistics => throw new NotSupportedException();
    public long TotalBytes => throw new NotSupportedException();
    public long UsedBytes => throw new NotSupportedException();

    public void OnIterationEnd() => throw new NotSupportedException();
}
