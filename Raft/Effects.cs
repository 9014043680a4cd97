using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>What has to happen after a step, in this order: cut the log, append, write the hard state, send, answer. One object
/// per host, cleared before each step: its lists keep their memory.</summary>
internal sealed class Effects
{
    private readonly RingQueue<RaftMessage> _messages = new(16);
    private readonly RingQueue<ReadOutcome> _reads = new(16);
    private readonly RingQueue<NodeId> _handOvers = new(4);

    /// <summary>Entries from here on are gone (0 = none): cut by a newer leader, before anything in <see cref="AppendFrom"/>.</summary>
    public LogIndex TruncateFrom { get; set; }

    /// <summary>The entries of the stepped message from this index on are to be appended (0 = none). What cannot be appended
    /// is reported with <see cref="RaftNode.OnAppendRefused"/>.</summary>
    public LogIndex AppendFrom { get; set; }

    /// <summary>A leader's first entry, to be appended with kind NoOp (0 = none).</summary>
    public LogIndex NoOpIndex { get; set; }

    /// <summary>Term and vote are to be made durable, then <see cref="RaftNode.OnHardStateDurable"/> called with the version.</summary>
    public bool HardStateChanged { get; set; }

    public ulong HardStateVersion { get; set; }
    public Term HardTerm { get; set; }
    public NodeId HardVote { get; set; }

    /// <summary>The node began or ceased to lead, or knows of another leader or term.</summary>
    public bool LeadershipChanged { get; set; }

    /// <summary>Another configuration is in force: <see cref="RaftNode.Members"/> and <see cref="RaftNode.Peers"/> are others.</summary>
    public bool MembersChanged { get; set; }

    /// <summary>Leader: the joint configuration is committed. Ask <see cref="RaftNode.TryPlanLeave"/>, append what it says and call
    /// <see cref="RaftNode.ProposeMembers"/>. Repeated about every heartbeat interval until that was done.</summary>
    public bool LeaveDue { get; set; }

    /// <summary>The commit index moved.</summary>
    public bool CommitMoved { get; set; }

    /// <summary>Ask <see cref="RaftNode.TryPrepareAppend"/> and <see cref="RaftNode.TryTakeAck"/> at the end of the iteration.</summary>
    public bool SendDue { get; set; }

    /// <summary>The peer broke the protocol in a way that only corruption or a bug explains; the message was ignored.</summary>
    public bool Violation { get; set; }

    /// <summary>May be sent at once: whatever they depend on is durable.</summary>
    public RingQueue<RaftMessage> Messages => _messages;

    public RingQueue<ReadOutcome> Reads => _reads;

    /// <summary>Followers that the log no longer reaches.</summary>
    public RingQueue<NodeId> HandOvers => _handOvers;

    public void Clear()
    {
        TruncateFrom = default;
        AppendFrom = default;
        NoOpIndex = default;
        HardStateChanged = false;
        LeadershipChanged = false;
        MembersChanged = false;
        LeaveDue = false;
        CommitMoved = false;
        SendDue = false;
        Violation = false;
        Drain(_messages);
        Drain(_reads);
        Drain(_handOvers);
    }

    private static void Drain<T>(RingQueue<T> queue)
    {
        while (!queue.IsEmpty) { _ = queue.PopFront(); }
    }
}
