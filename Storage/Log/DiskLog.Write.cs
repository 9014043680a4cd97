using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

// Writes: gathered during an iteration, sealed and handed to the device at its end, reported strictly in order.
//
//   _free -> _open (gathers) -> _queue: [ under way or done | waiting ] -> reported -> _free
internal sealed partial class DiskLog
{
    private readonly Stack<LogWrite> _free = new();
    private readonly RingQueue<LogWrite> _queue = new();
    private readonly List<(ulong Sequence, ReactorSignal<Errno> Signal)> _durableWaiters = [];
    private readonly Stack<ReactorSignal<Errno>> _freeSignals = new();
    private readonly CallbackTimer _sealTimer;
    private LogWrite? _open;
    private int _submitted;
    private int _inFlight;
    private uint _chain;
    private ulong _generation;
    private Errno _failure;
    private ulong _sealedThrough;
    private long _lastActivityNanos;
    private bool _closed;

    /// <summary>Everything up to here is durable.</summary>
    public ulong DurableSequence { get; private set; }

    /// <summary>The newest batch begun, durable or not.</summary>
    public ulong LastSequence => _nextSequence - 1;

    /// <summary>None as long as every write has succeeded.</summary>
    public Errno Failure => _failure;

    /// <summary>Group commit: what has gathered goes to the device, unless enough is under way; then it goes on gathering.</summary>
    public void OnIterationEnd()
    {
        while (_inFlight < _options.MaxWritesInFlight && _failure is Errno.None)
        {
            if (_submitted == _queue.Count)
            {
                if (_open is null) { return; }
                CloseOpenWrite();
            }
            SubmitNext();
        }
    }

    /// <summary>Ends when everything up to <paramref name="sequence"/> is durable, or with the log's failure.</summary>
    public async ReactorTask<Errno> WaitDurableAsync(ulong sequence)
    {
        if (_failure is not Errno.None) { return _failure; }
        if (DurableSequence >= sequence) { return Errno.None; }
        if (!_freeSignals.TryPop(out ReactorSignal<Errno>? signal)) { signal = new ReactorSignal<Errno>(); }
        _durableWaiters.Add((sequence, signal));
        Errno status = await signal;
        signal.Reset();
        _freeSignals.Push(signal);
        return status;
    }

    /// <summary>Stops the cleaner, waits for the writes under way, and notes the clean end on the device. Appends fail
    /// afterwards.</summary>
    public async ReactorTask<Errno> CloseAsync()
    {
        await _cleaner.StopAsync();
        Errno status = await WaitDurableAsync(LastSequence);
        _reactor.Disarm(_sealTimer);
        if (status is Errno.None)
        {
            ulong durable = DurableSequence;
            _failure = Errno.ShutDown;
            status = await _volume.UpdateAsync(old => old with
            {
                DurableBatch = durable,
                Flags = old.Flags | SuperblockFlags.CleanEnd,
            });
        }
        Detach();
        return status;
    }

    /// <summary>Ends the log's life in memory without a write, as a crash would: for tests and for a failed log. The device
    /// must have no request of the log any more. Nothing to do after <see cref="CloseAsync"/>.</summary>
    public void Abandon()
    {
        if (_closed) { return; }
        _failure = Errno.ShutDown;
        _reactor.Disarm(_sealTimer);
        Detach();
    }

    internal void OnWriteCompleted()
    {
        _inFlight--;
        _lastActivityNanos = _reactor.NowNanos;
        while (_queue.Count > 0 && _submitted > 0 && _queue[0].IsDone)
        {
            LogWrite write = _queue.PopFront();
            _submitted--;
            if (write.Status is not Errno.None || _failure is not Errno.None)
            {
                Fail(write.Status is Errno.None ? _failure : write.Status);
                write.TellFailed(_failure);
                continue;
            }
            DurableSequence = write.LastSequence;
            _cache.OnDurable(write.CacheHeaderEnd, write.CachePayloadEnd);
            write.TellDurable();
            _free.Push(write);
            TellDurableWaiters();
        }
        if (_roomWaiters.Count > 0 && _free.Count > 0) { TellRoom(); }
        if (_options.SealAfterNanos > 0 && !_sealTimer.IsArmed && !_closed)
        {
            _reactor.Arm(_sealTimer, _reactor.NowNanos + _options.SealAfterNanos);
        }
    }

    /// <summary>Recovery: a segment's first batch, as the superblock will need it when the segment becomes the oldest.</summary>
    internal void NoteSegment(ulong segment, ulong firstBatch, uint chain)
    {
        ref SegmentState state = ref _segments[PlaceOf(segment)];
        (state.FirstBatch, state.FirstChain) = (firstBatch, chain);
    }

    /// <summary>Recovery has ended: the log goes on at the given place.</summary>
    internal void OnRecovered(ulong start, ulong head, int headOffset, ulong nextSequence, uint chain, ulong generation)
    {
        (_startSegment, _headSegment, _headOffset) = (start, head, headOffset);
        (_nextSequence, _chain, _generation) = (nextSequence, chain, generation);
        DurableSequence = nextSequence - 1;
        _sealedThrough = DurableSequence;
    }

    private void CloseOpenWrite()
    {
        if (_open is null) { return; }
        _open.CacheHeaderEnd = _cache.HeaderEnd;
        _open.CachePayloadEnd = _cache.PayloadEnd;
        _queue.PushBack(_open);
        _open = null;
    }

    private void SubmitNext()
    {
        LogWrite write = _queue[_submitted];
        ref SegmentState segment = ref _segments[PlaceOf(write.SegmentNumber)];
        if (segment.FirstBatch == write.FirstSequence) { segment.FirstChain = _chain; }
        BatchHeader common = new()
        {
            Store = _volume.Label.Device,
            Shard = _volume.Shard,
            DurableThrough = DurableSequence,
            Generation = _generation,
        };
        _chain = write.Seal(common, _chain);
        _submitted++;
        _inFlight++;
        _statistics.Writes++;
        _statistics.Batches += write.BatchCount;
        _statistics.BytesWritten += write.LengthBytes;
        _device.Submit(write);
    }

    /// <summary>A log write failed: what was not durable is lost, and the order of the log cannot be kept any more.</summary>
    private void Fail(Errno status)
    {
        if (_failure is not Errno.None) { return; }
        _failure = status;
        // Writes that are still with the device tell their listeners when they come back; these never went.
        for (int i = _submitted; i < _queue.Count; i++) { _queue[i].TellFailed(status); }
        _open?.TellFailed(status);
        TellDurableWaiters();
        TellRoom();
    }

    private void TellDurableWaiters()
    {
        for (int i = 0; i < _durableWaiters.Count;)
        {
            (ulong sequence, ReactorSignal<Errno> signal) = _durableWaiters[i];
            if (_failure is Errno.None && sequence > DurableSequence)
            {
                i++;
                continue;
            }
            _durableWaiters.RemoveAt(i);
            signal.Set(_failure); // may add waiters: the loop looks at the list anew
        }
    }

    private void TellRoom()
    {
        foreach (IRunnable waiter in _roomWaiters) { _reactor.Enqueue(waiter); }
        _roomWaiters.Clear();
    }

    /// <summary>When nothing has been appended for a while: an empty batch that says that all before it is durable. Without it
    /// rot in the very last batches would look like a torn tail, and acknowledged entries would be cut off.</summary>
    private void OnSealTimer(long nowNanos)
    {
        if (_failure is not Errno.None || _closed) { return; }
        bool idle = _open is null && _queue.IsEmpty && DurableSequence == LastSequence;
        if (idle && _sealedThrough == LastSequence) { return; }
        if (!idle || nowNanos - _lastActivityNanos < _options.SealAfterNanos)
        {
            _reactor.Arm(_sealTimer, nowNanos + _options.SealAfterNanos);
            return;
        }
        if (Begin(0, 0, LogRoom.Metadata) is Errno.None) { _sealedThrough = LastSequence; }
    }

    private void Detach()
    {
        _closed = true;
        _reactor.RemoveIterationHook(this);
        FreeMemory();
    }

    internal void FreeMemory()
    {
        _reactor.Buffers.RemoveReclaimer(_reclaim);
        _cache.Dispose();
        foreach (LogWrite write in _free) { write.FreeMemory(); }
        _free.Clear();
    }
}
