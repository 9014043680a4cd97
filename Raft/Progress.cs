using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>What a leader knows of one other member. Made when it becomes one, re-used by every leadership.</summary>
internal sealed class Progress
{
    private readonly RingQueue<(LogIndex Last, int Bytes)> _inflight;
    private readonly int _windowEntries;
    private readonly int _windowBytes;

    public Progress(NodeId id, bool isVoter, RaftConfig config)
    {
        Id = id;
        IsVoter = isVoter;
        _windowEntries = config.WindowEntries;
        _windowBytes = config.WindowBytes;
        _inflight = new(8, RaftLimits.MaxInflightMessages);
    }

    public NodeId Id { get; }

    /// <summary>In the configuration in force, in either set of a joint one.</summary>
    public bool IsVoter { get; set; }

    /// <summary>It granted its vote, or pre-vote, in the election under way.</summary>
    public bool Granted { get; set; }

    public ProgressState State { get; private set; }

    /// <summary>Highest index known to be durable there and equal to ours.</summary>
    public LogIndex Match { get; set; }

    /// <summary>The next entry to send.</summary>
    public LogIndex Next { get; private set; }

    /// <summary>Newest stamp that came back: when a message was sent that it has received under this leader.</summary>
    public long AckStamp { get; private set; }

    /// <summary>When anything was last sent to it, or long.MinValue.</summary>
    public long LastSent { get; private set; }

    /// <summary>Answers to older stamps are of somebody who was a member under this number before.</summary>
    public long Since { get; set; }

    /// <summary>When it last moved Match or there was nothing to move: with messages in flight, the age of a loss.</summary>
    public long LastAdvance { get; set; }

    /// <summary>Commit index of the last message to it.</summary>
    public LogIndex SentCommit { get; private set; }

    /// <summary>Stamp of the first message that told <see cref="SentCommit"/>: until it came back, it may be lost.</summary>
    public long CommitStamp { get; private set; }

    /// <summary>A message with a new stamp is wanted, entries or not.</summary>
    public bool NeedsRound { get; set; }

    /// <summary>Probe: a message is out; the next goes at <see cref="RetryAt"/> or after its answer.</summary>
    public bool ProbeOut { get; private set; }

    public long RetryAt { get; private set; }

    /// <summary>It said that it has no room; tried again at <see cref="RetryAt"/>.</summary>
    public bool HasNoRoom { get; private set; }

    /// <summary>It said that its state is incomplete: it can neither lead nor be fed by log.</summary>
    public bool NeedsState { get; set; }

    /// <summary>When the role was last told that it has to hand over.</summary>
    public long SnapshotAskedAt { get; set; }

    public int InflightMessages => _inflight.Count;

    /// <summary>Bytes of the entries in flight.</summary>
    public long InflightBytes { get; private set; }

    public void Reset(LogIndex next, long now)
    {
        State = ProgressState.Probe;
        Match = default;
        Next = next;
        AckStamp = long.MinValue;
        LastSent = long.MinValue;
        Since = long.MinValue;
        LastAdvance = now;
        SentCommit = default;
        CommitStamp = long.MinValue;
        NeedsRound = true; // a new leader makes itself known to everybody
        ProbeOut = false;
        RetryAt = now;
        HasNoRoom = false;
        NeedsState = false;
        SnapshotAskedAt = long.MinValue;
        ClearInflight();
    }

    /// <summary>How many of <paramref name="available"/> entries may be sent now.</summary>
    public int Window(ulong available, long now)
    {
        switch (State)
        {
            case ProgressState.Probe:
                return ProbeOut && now < RetryAt ? 0 : (int)ulong.Min(available, 1);
            case ProgressState.Replicate:
                ulong entries = Next - Match - 1;
                if (_inflight.Count >= RaftLimits.MaxInflightMessages || InflightBytes >= _windowBytes ||
                    entries >= (ulong)_windowEntries)
                {
                    return 0;
                }
                ulong room = ulong.Min((ulong)_windowEntries - entries, RaftLimits.MaxEntriesPerMessage);
                return (int)ulong.Min(room, available);
            default:
                return 0;
        }
    }

    /// <summary>A message left, with entries of together <paramref name="bytes"/>.</summary>
    public void OnSent(in RaftMessage message, int bytes, long now, long retryNanos)
    {
        LastSent = now;
        if (message.Commit > SentCommit || AckStamp < CommitStamp)
        {
            SentCommit = LogIndex.Max(SentCommit, message.Commit);
            CommitStamp = message.Stamp;
        }
        NeedsRound = false;
        if (State == ProgressState.Probe)
        {
            ProbeOut = true;
            RetryAt = now + retryNanos;
        }
        if (State == ProgressState.Replicate && message.EntryCount > 0)
        {
            if (_inflight.IsEmpty) { LastAdvance = now; }
            Next += (ulong)message.EntryCount;
            _inflight.PushBack((Next.Previous, bytes));
            InflightBytes += bytes;
        }
    }

    public void OnStamp(long stamp)
    {
        if (stamp > AckStamp) { AckStamp = stamp; }
    }

    /// <summary>Everything up to <paramref name="match"/> is durable and equal there.</summary>
    /// <returns>True when Match moved.</returns>
    public bool OnMatch(LogIndex match, long now)
    {
        bool moved = match > Match;
        if (moved)
        {
            Match = match;
            LastAdvance = now;
        }
        while (!_inflight.IsEmpty && _inflight[0].Last <= Match) { InflightBytes -= _inflight.PopFront().Bytes; }
        if (Next <= Match) { Next = Match.Next; }
        // An acknowledgement of less than was asked for says only that it is there: what it has is still to be found.
        bool found = State == ProgressState.Probe && match >= Next.Previous;
        if (found || (State == ProgressState.Snapshot && moved)) { BecomeReplicate(now); }
        HasNoRoom = false;
        NeedsState = false;
        return moved;
    }

    /// <summary>Starts to look for the end of its log again, at <paramref name="next"/>.</summary>
    public void BecomeProbe(LogIndex next, long now)
    {
        State = ProgressState.Probe;
        Next = LogIndex.Max(next, Match.Next);
        ProbeOut = false;
        RetryAt = now;
        LastAdvance = now;
        ClearInflight();
    }

    /// <summary>It has no room: probe again after <paramref name="retryNanos"/>.</summary>
    public void OnNoRoom(long now, long retryNanos)
    {
        BecomeProbe(Match.Next, now);
        HasNoRoom = true;
        ProbeOut = true;
        RetryAt = now + retryNanos;
    }

    public void BecomeSnapshot()
    {
        State = ProgressState.Snapshot;
        ClearInflight();
    }

    private void BecomeReplicate(long now)
    {
        State = ProgressState.Replicate;
        Next = Match.Next;
        ProbeOut = false;
        LastAdvance = now;
        ClearInflight();
    }

    private void ClearInflight()
    {
        while (!_inflight.IsEmpty) { _ = _inflight.PopFront(); }
        InflightBytes = 0;
    }
}
