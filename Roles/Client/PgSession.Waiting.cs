using System;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Client;

/// <summary>
/// Requests without an answer: how long to wait, and what to do then. A repetition costs the OSD what the request did, so one
/// that is merely busy must not get any: they would keep it busy. What is known of the OSD decides:
/// <code>
/// it was heard since, or answers a probe       wait; after RequestLostNanos ask it again: it may have lost track
/// silent for RequestTimeoutNanos               ask the next replica
/// the PG is asked elsewhere by now             ask there
/// </code>
/// The probe goes out after half the time, so that the silence is a real one: on a quiet connection nothing else may be due.
/// </summary>
internal sealed partial class PgSession
{
    private long _lostNanos;

    /// <summary>Repeats what has to be, and asks a silent OSD for a sign of life.</summary>
    private void RepeatOverdue(long now)
    {
        bool isSilent = false, isLost = false;
        for (ObjectOp? op = _sent.Last; op is not null;) // backwards: they go to the front of the queue, in order
        {
            ObjectOp? previous = op.Previous;
            OsdLink link = op.Link!;
            long quietSince = Math.Max(op.SentNanos, link.HeardNanos);
            bool isOver = link == _link ? quietSince + _timeoutNanos <= now : op.SentNanos + _timeoutNanos <= now;
            bool wasLost = op.SentNanos + _lostNanos <= now;
            if (isOver || wasLost)
            {
                if (quietSince + _timeoutNanos <= now) { link.Suspect(now); }
                isSilent |= isOver && link == _link;
                isLost |= wasLost && !isOver;
                _client.Stats.TimedOut++;
                Requeue(op);
            }
            else if (link.ProbedNanos <= quietSince && quietSince + (_timeoutNanos / 2) <= now)
            {
                link.Probe(now);
            }
            op = previous;
        }
        if (isSilent)
        {
            _timeoutNanos = Math.Min(_timeoutNanos * 2, _client.Options.RequestTimeoutMaxNanos);
            FailOver(default, hasHint: false);
        }
        if (isLost)
        {
            Reached.Mark("client: an OSD that lives was asked again");
            _lostNanos = Math.Min(_lostNanos * 2, _client.Options.RequestLostMaxNanos);
        }
    }

    /// <summary>When <paramref name="oldest"/>, which was sent before all others, has to be looked at.</summary>
    private long NextLookNanos(ObjectOp oldest)
    {
        OsdLink link = oldest.Link!;
        if (link != _link) { return oldest.SentNanos + _timeoutNanos; }
        long quietSince = Math.Max(oldest.SentNanos, link.HeardNanos);
        long look = quietSince + (link.ProbedNanos <= quietSince ? _timeoutNanos / 2 : _timeoutNanos);
        return Math.Min(look, oldest.SentNanos + _lostNanos);
    }

    /// <summary>An answer has come: patience is as short again as it may be.</summary>
    private void OnAnswered(ObjectOp op)
    {
        _failures = 0;
        _timeoutNanos = _client.Options.RequestTimeoutNanos;
        // Not by one that came late itself, or an OSD that takes even longer would get each request twice for ever.
        if (_client.Reactor.NowNanos - op.SentNanos < _client.Options.RequestLostNanos / 2) { _lostNanos = _client.Options.RequestLostNanos; }
    }

    private void RequeueAll()
    {
        while (_sent.Last is { } op) { Requeue(op); }
    }
}
