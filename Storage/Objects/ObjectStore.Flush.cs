using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Objects;

// Background records. Whatever gave up space, and whatever was removed, is in the dirty queue; one task writes the records of
// all that is dirty, waits until they are durable and goes on while more has come in the meantime, so a burst of discards
// shares its log writes. Dropped units become free behind it (Blobstore).
//
// Such a record keeps the object's old version unless nothing of the object is in the overlay: it may only leave out blocks
// that were discarded after that version (their discard is replayed), never add any.
internal sealed partial class ObjectStore
{
    /// <summary>How long to wait before asking a full log again.</summary>
    internal const long RetryNanos = Units.NanosPerMilli;

    private readonly FlushStarter _flushStarter = new();
    private readonly RecordGate _recorded = new();
    private bool _flushing;

    /// <summary>Everything that was removed or freed by now is durable when it completes with None; Io = the log failed.</summary>
    public async ReactorTask<Errno> FlushAsync()
    {
        Errno status = await _recorded.WaitAsync(_dirtied);
        return status is Errno.None ? await _durable.WaitAsync(_lastSequence) : status;
    }

    /// <summary>What a commit that was refused should do: None = wait and try again.</summary>
    internal static Errno Permanent(Errno status) =>
        status is Errno.Again or Errno.NoSpace or Errno.NoBuffers or Errno.Busy ? Errno.None : status;

    /// <summary>Something given up is on its way to being free.</summary>
    internal bool HasSpaceComing => _blobs.HasDropped || _blobs.HasLeaving || _blobs.LeavingAus > 0;

    private void StartFlush()
    {
        if (_flushing) { return; }
        _flushing = true;
        // Not at once: the rest of this loop iteration may have more.
        _flushStarter.Store = this;
        _reactor.Enqueue(_flushStarter);
    }

    private async ReactorTask FlushLoopAsync()
    {
        while (_dirty.Count > 0 || _blobs.HasDropped)
        {
            Errno status = FlushSome(out ulong sequence, out int count);
            if (Permanent(status) is Errno.None && status is not Errno.None)
            {
                await _reactor.Delay(RetryNanos);
                continue;
            }
            if (status is Errno.None)
            {
                _recorded.Advance(count);
                status = await _durable.WaitAsync(sequence);
            }
            if (status is not Errno.None)
            {
                _recorded.Fail(status); // the log has failed: the shard is finished, nothing more is recorded
                return;
            }
        }
        _flushing = false;
    }

    private sealed class FlushStarter : IRunnable
    {
        public ObjectStore? Store { get; set; }

        public void Run() => Store!.FlushLoopAsync().Start();
    }

    /// <summary>How many of those ever put in the dirty queue have been recorded.</summary>
    private sealed class RecordGate : Gate
    {
        private ulong _count;
        private Errno _failure;

        protected override Errno Failure => _failure;

        public void Advance(int count)
        {
            _count += (ulong)count;
            Wake();
        }

        public void Fail(Errno status)
        {
            _failure = status;
            Wake();
        }

        protected override bool IsReached(ulong target) => target <= _count;
    }
}
