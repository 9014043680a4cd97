using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Log;

/// <summary>One device write of the log: one or more whole batches that lie behind one another. Gathers records during an
/// iteration, is sealed when it is handed to the device, and is used again when its outcome has been reported. Its header
/// blocks are its own memory; payloads go to the device straight from the buffers that brought them.</summary>
internal sealed unsafe class LogWrite : IoRequest
{
    /// <summary>Header blocks of all batches: one of the largest size, or many small ones.</summary>
    private const int StagingBlocks = LogLimits.MaxBatchHeaderBlocks + 15;

    public struct Batch
    {
        public ulong Sequence;
        public long OwnOffset;
        public int Staging;
        public int HeaderBlocks;
        public int RecordBytes;
        public int PayloadBlocks;
        public int Records;
    }

    private readonly DiskLog _log;
    private readonly AlignedMemory _staging = new(StagingBlocks * Units.BlockBytes);
    private readonly List<(ILogListener Listener, ulong Sequence)> _listeners = new(64);
    private readonly Batch[] _batches = new Batch[StagingBlocks];
    private int _stagingUsed;

    public LogWrite(DiskLog log) => _log = log;

    public int BatchCount { get; private set; }
    public ulong SegmentNumber { get; private set; }

    /// <summary>Set by the completion; in-order reporting looks at it.</summary>
    public bool IsDone { get; set; }

    public Errno Status { get; set; }

    /// <summary>Ends of the cache's rings when the write was sealed.</summary>
    public ulong CacheHeaderEnd { get; set; }

    public ulong CachePayloadEnd { get; set; }
    public ulong LastSequence => _batches[BatchCount - 1].Sequence;
    public ulong FirstSequence => _batches[0].Sequence;

    /// <summary>Begins anew.</summary>
    public void Begin(long deviceOffset, ulong segment)
    {
        Prepare(IoKind.Write, deviceOffset, durable: !Sabotage.Is(SabotageKind.FlushSkipped));
        SegmentNumber = segment;
        BatchCount = 0;
        _stagingUsed = 0;
        _listeners.Clear();
        IsDone = false;
        Status = Errno.None;
    }

    /// <summary>Can a batch with one record of this size be added?</summary>
    public bool HasRoomForBatch(int headerBlocks, int payloadBytes, int maxBytes) =>
        _stagingUsed + headerBlocks <= StagingBlocks && SegmentCount + 2 <= MaxSegments
        && (BatchCount == 0 || LengthBytes + (headerBlocks * Units.BlockBytes) + payloadBytes <= maxBytes);

    /// <summary>Can the last batch take another record of this size?</summary>
    public bool HasRoomInBatch(int recordBytes, int payloadBytes, int maxBytes)
    {
        if (BatchCount == 0) { return false; }
        ref Batch batch = ref _batches[BatchCount - 1];
        return BatchHeader.SizeBytes + batch.RecordBytes + recordBytes <= batch.HeaderBlocks * Units.BlockBytes
            && (payloadBytes == 0 || (SegmentCount < MaxSegments && LengthBytes + payloadBytes <= maxBytes));
    }

    public ref Batch Last => ref _batches[BatchCount - 1];

    public void AddBatch(ulong sequence, long ownOffset, int headerBlocks)
    {
        int staging = _stagingUsed * Units.BlockBytes;
        int bytes = headerBlocks * Units.BlockBytes;
        _batches[BatchCount++] = new Batch
        {
            Sequence = sequence,
            OwnOffset = ownOffset,
            Staging = staging,
            HeaderBlocks = headerBlocks,
        };
        _stagingUsed += headerBlocks;
        _staging.Span(staging, bytes).Clear(); // nothing of a former write may reach the disk
        bool added = TryAddSegment(_staging.Pointer + staging, bytes);
        Invariant.Require(added);
    }

    /// <summary>Room for one more record in the last batch.</summary>
    /// <returns>The record's bytes, zeroed, to be filled at once.</returns>
    public Span<byte> AddRecord(int bytes)
    {
        ref Batch batch = ref Last;
        Span<byte> record = _staging.Span(batch.Staging + BatchHeader.SizeBytes + batch.RecordBytes, bytes);
        batch.RecordBytes += bytes;
        batch.Records++;
        return record;
    }

    public void AddPayload(byte* memory, int bytes)
    {
        bool added = TryAddSegment(memory, bytes);
        Invariant.Require(added);
        Last.PayloadBlocks += bytes / Units.BlockBytes;
    }

    /// <summary>Remembers who waits for the last batch, once.</summary>
    public void AddListener(ILogListener listener)
    {
        ulong sequence = Last.Sequence;
        // A handful of owners share a log: looking back a little finds nearly every repetition.
        for (int i = _listeners.Count - 1; i >= 0 && i >= _listeners.Count - 4; i--)
        {
            if (_listeners[i].Sequence == sequence && ReferenceEquals(_listeners[i].Listener, listener)) { return; }
        }
        _listeners.Add((listener, sequence));
    }

    /// <summary>Writes all batch headers: they say what is durable now.</summary>
    /// <returns>The new chain value.</returns>
    public uint Seal(BatchHeader common, uint chain)
    {
        for (int i = 0; i < BatchCount; i++)
        {
            ref Batch batch = ref _batches[i];
            BatchHeader header = common with
            {
                Chain = chain,
                Sequence = batch.Sequence,
                OwnOffset = batch.OwnOffset,
                Segment = SegmentNumber,
                RecordBytes = batch.RecordBytes,
                HeaderBlocks = batch.HeaderBlocks,
                PayloadBlocks = batch.PayloadBlocks,
                RecordCount = batch.Records,
            };
            chain = header.Seal(_staging.Span(batch.Staging, batch.HeaderBlocks * Units.BlockBytes));
        }
        return chain;
    }

    public void TellDurable()
    {
        for (int i = 0; i < _listeners.Count; i++)
        {
            (ILogListener listener, ulong sequence) = _listeners[i];
            listener.OnLogDurable(sequence);
        }
        _listeners.Clear();
    }

    public void TellFailed(Errno status)
    {
        for (int i = 0; i < _listeners.Count; i++) { _listeners[i].Listener.OnLogFailed(status); }
        _listeners.Clear();
    }

    public void FreeMemory()
    {
        _staging.Dispose();
        Dispose();
    }

    protected override void OnCompleted(Errno status)
    {
        IsDone = true;
        Status = status;
        _log.OnWriteCompleted();
    }
}
