using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>The client's side of one PG: whom to ask, what waits, what is under way, and the numbers of the session.
/// <code>
/// queue --Pump--> sent --final answer--> finished
///   ^               |
///   +---------------+  not the leader, no such PG, again, stale map, bad checksum, connection lost, OSD silent
/// </code>
/// A request keeps its sequence through all repetitions, so an OSD can tell a repetition from a new one; a time-out means
/// "unknown", never "failed". Whatever comes back that is not final only ever leads to another sending.</summary>
internal sealed partial class PgSession : TimerEntry
{
    private readonly ImageClient _client;
    private readonly ObjectOpList _queue = new();
    private readonly ObjectOpList _sent = new();
    private readonly SequenceWindow _window = new();
    private PgInfo? _info;
    private OsdId _target;
    private OsdLink? _link;
    private long _pausedUntilNanos;
    private bool _waitsForLink;
    private long _timeoutNanos;
    private Epoch _needsEpoch;
    private int _failures;

    public PgSession(ImageClient client, PgId id)
    {
        _client = client;
        Id = id;
        _timeoutNanos = client.Options.RequestTimeoutNanos;
        _lostNanos = client.Options.RequestLostNanos;
    }

    public PgId Id { get; }

    /// <summary>Data requests may be sent: the session is open in this PG, or the image is open for reading only.</summary>
    public bool IsOpen { get; set; }

    /// <summary>Adds a request and sends what can be sent. Session requests go before everything else.</summary>
    public void Submit(ObjectOp op)
    {
        op.State = ObjectOpState.Queued;
        if (op.Op == DataOp.OpenSession) { _queue.AddFirst(op); } else { _queue.AddLast(op); }
        Pump();
    }

    /// <summary>Sends from the queue as long as the leader is known, connected, and the window has room.</summary>
    public void Pump()
    {
        long now = _client.Reactor.NowNanos;
        while (_queue.First is { } op && MaySend(op) && EnsureLink(now))
        {
            _queue.Remove(op);
            op.State = ObjectOpState.Queued;
            Errno sent = Send(op, now);
            if (sent != Errno.None)
            {
                _queue.AddFirst(op);
                if (sent == Errno.Again) { Pause(now, _client.Options.BackOffMinNanos); }
                break;
            }
            op.State = ObjectOpState.Sent;
            _sent.AddLast(op);
        }
        Rearm();
    }

    public void OnLinkUp(OsdLink link)
    {
        if (_link == link) { Pump(); }
    }

    /// <summary>All that was sent over the connection has an unknown fate: it goes to the front again, in order.</summary>
    public void OnLinkDown(OsdLink link)
    {
        for (ObjectOp? op = _sent.Last; op is not null;)
        {
            ObjectOp? previous = op.Previous;
            if (op.Link == link) { Requeue(op); }
            op = previous;
        }
        if (_link != link) { return; }
        FailOver(default, hasHint: false);
        Pump();
    }

    /// <summary>Takes over what the map says now.</summary>
    public void OnRoutesChanged()
    {
        if (!_client.Map.TryGetPg(Id, out PgInfo? info)) { return; }
        if (!ReferenceEquals(info, _info))
        {
            bool keepTarget = _info is not null && info.Has(_target) && info.Shard == _info.Shard;
            _info = info;
            if (!keepTarget)
            {
                RequeueAll(); // where they were sent nobody will answer them any more
                Aim(info.Has(info.PreferredLeader) ? info.PreferredLeader : info.Members[0].Osd);
            }
        }
        if (_client.Map.Epoch >= _needsEpoch && _needsEpoch != default)
        {
            _needsEpoch = default;
            _pausedUntilNanos = 0;
        }
        Pump();
    }

    /// <summary>Ends everything with an error; nothing is sent any more.</summary>
    public void FailAll(Errno status)
    {
        while ((_queue.First ?? _sent.First) is { } op) { Finish(op, status); }
    }

    /// <summary>For humans: which PG, and who was asked last.</summary>
    public string Describe() => _info is null ? $"PG {Id} is not in the map"
        : $"PG {Id} on OSDs {string.Join(", ", MemberIds(_info))}, last asked: {_target.Value}"
            + (_link is { IsUp: true } ? "" : " (no connection)");

    private static IEnumerable<uint> MemberIds(PgInfo info)
    {
        foreach (PgMember member in info.Holders) { yield return member.Osd.Value; }
    }

    /// <summary>Time is up for something: a sign of life, an answer, a pause, a connection.</summary>
    public override void OnTimer(long nowNanos)
    {
        RepeatOverdue(nowNanos);
        Pump();
    }

    private bool MaySend(ObjectOp op)
    {
        if (op.IsSessionOp) { return true; }
        return IsOpen && (!op.NeedsSequence || op.Sequence != 0 || _window.HasRoom);
    }

    /// <summary>Finds a connection that is up; else arranges to be called again.</summary>
    private bool EnsureLink(long now)
    {
        if (_info is null) { return false; }
        // At most once around the members: then a pause is due.
        while (now >= _pausedUntilNanos)
        {
            _link ??= _client.LinkOf(_target, _info.Shard);
            switch (_link.Ensure(now))
            {
                // The others may name a suspect as leader until they miss it themselves: asked again, it would cost another silence.
                case LinkState.Up when _link.IsSuspect:
                    if (now - _link.ProbedNanos >= _client.Options.RequestTimeoutNanos / 2) { _link.Probe(now); }
                    break;
                case LinkState.Up:
                    _waitsForLink = false;
                    return true;
                case LinkState.Connecting:
                    _waitsForLink = true;
                    return false;
            }
            FailOver(default, hasHint: false);
        }
        return false;
    }

    /// <summary>The present target is of no use: on to the one that was named, else to the next member. Pauses when all have
    /// been tried.</summary>
    private void FailOver(OsdId hint, bool hasHint)
    {
        if (_info is null) { return; }
        _failures++;
        if (hasHint && hint != _target && _info.Has(hint))
        {
            Aim(hint);
        }
        else
        {
            int next = 0;
            for (int i = 0; i < _info.Holders.Count; i++)
            {
                if (_info.Holders[i].Osd == _target) { next = (i + 1) % _info.Holders.Count; }
            }
            Aim(_info.Holders[next].Osd);
        }
        if (_failures >= _info.Holders.Count)
        {
            int doublings = Math.Min(_failures - _info.Holders.Count, 10);
            PauseAbout(Math.Min(_client.Options.BackOffMaxNanos, _client.Options.BackOffMinNanos << doublings));
        }
    }

    private void Aim(OsdId target)
    {
        _target = target;
        _link = null;
        _waitsForLink = false;
    }

    private void PauseAbout(long nanos) =>
        Pause(_client.Reactor.NowNanos, nanos / 2 + _client.Prng.Between(0, nanos / 2 + 1));

    private void Pause(long now, long nanos) => _pausedUntilNanos = Math.Max(_pausedUntilNanos, now + nanos);

    private void Requeue(ObjectOp op)
    {
        _sent.Remove(op);
        op.State = ObjectOpState.Queued;
        op.Flags |= DataFlags.Resent;
        op.Link = null;
        _queue.AddFirst(op);
        _client.Stats.Resent++;
    }

    private void Finish(ObjectOp op, Errno status)
    {
        if (op.State == ObjectOpState.Queued) { _queue.Remove(op); } else { _sent.Remove(op); }
        if (op.Sequence != 0) { _window.Finish(op.Sequence); }
        _client.OnFinished(op, status);
    }

    /// <summary>Arms the timer for the next thing that can come due. An armed one that is too early does no harm.</summary>
    private void Rearm()
    {
        long due = long.MaxValue;
        if (_sent.First is { } oldest) { due = NextLookNanos(oldest); }
        if (_queue.First is { } op && MaySend(op) && _info is not null)
        {
            long retry = _waitsForLink ? _link!.ConnectDeadlineNanos : _pausedUntilNanos;
            due = Math.Min(due, Math.Max(retry, _pausedUntilNanos));
        }
        if (due != long.MaxValue && (!IsArmed || DueNanos > due)) { _client.Reactor.Arm(this, due); }
    }
}
