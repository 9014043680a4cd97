using System;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Protocol;

// Changes of membership: what a host does for them.
internal sealed partial class PureNode
{
    /// <summary>What its log holds at an index, or null.</summary>
    public (Term Term, ulong Command)? EntryAt(ulong index) =>
        index > _base.Value && index - _base.Value <= (ulong)_log.Count
            ? (_log[(int)(index - _base.Value) - 1].Term, _log[(int)(index - _base.Value) - 1].Command) : null;

    public ulong Base => _base.Value;
    public ulong LastIndex => _base.Value + (ulong)_log.Count;

    /// <summary>Index of the newest configuration in its log, or in what a restart would find.</summary>
    public LogIndex NewestConfig
    {
        get
        {
            LogIndex newest = LogIndex.Max(_savedState.Since, _raft?.MembersIndex ?? default);
            for (int i = _savedLog.Count - 1; i >= 0; i--)
            {
                if (_savedLog[i].Members != null) { return LogIndex.Max(newest, _savedBase + ((ulong)i + 1)); }
            }
            return newest;
        }
    }

    /// <summary>The configuration in force is the newest of its log.</summary>
    public void CheckConfig()
    {
        if (_raft == null) { return; }
        RaftMembers newest = _raft.MembersAt(_base, out _);
        foreach (Entry entry in _log) { newest = entry.Members ?? newest; }
        if (!newest.IsSame(_raft.Members)) { throw new SimFailure($"{Name} goes by {_raft.Members}, the newest of its log is {newest}"); }
    }

    /// <summary>Proposes the next step towards these members, if it leads and there is one now.</summary>
    public void Change(RaftMembers target)
    {
        // Asked again soon, perhaps for something else.
        if (_raft is not { IsLeader: true } || _scenario.World.Now < _pausedUntil) { return; }
        if (_raft.PlanChange(target, _clock.NowNanos, out RaftMembers? next) == Errno.None && next != null) { Propose(next); }
    }

    /// <summary>The node has asked for it: a joint configuration is committed.</summary>
    private void Leave()
    {
        if (_raft!.TryPlanLeave(out RaftMembers? next)) { Propose(next); }
    }

    private void Propose(RaftMembers next)
    {
        _effects.Clear();
        Append(new Entry(_raft!.Term, EntryKind.Config, HashOf(next), next));
        _ = _raft.ProposeMembers(next, _clock.NowNanos, _effects);
        CarryOut(null);
    }

    /// <summary>The replica was deleted, and is made anew to join the group again.</summary>
    /// <param name="reporter">A leader whose committed configuration does not name it.</param>
    public void MakeAnew(RaftNode reporter)
    {
        Reached.Mark("sim: removed replica made anew");
        if (IsUp) { Crash(); }
        _logLife++;
        RaftStart start = RaftStart.ToJoin(reporter.Term, reporter.MembersIndex);
        (_savedTerm, _savedVote, _savedFloor, _savedNeedsState) = (start.Term, start.Vote, start.VoteFloor, false);
        _savedState = new PureState(default, default, 0, RaftMembers.Unknown, default);
        (_savedBase, _savedBaseTerm) = (default, default);
        _savedLog.Clear();
        Start();
    }

    private static RaftMembers?[] ConfigOfEach(PureMessage message)
    {
        var members = new RaftMembers?[message.Entries.Length];
        int config = 0;
        for (int i = 0; i < members.Length; i++)
        {
            if (message.Entries[i].Kind == EntryKind.Config) { members[i] = message.Configs[config++]; }
        }
        return members;
    }

    private static ulong HashOf(RaftMembers members)
    {
        Span<byte> bytes = stackalloc byte[members.EncodedBytes];
        members.Encode(bytes);
        return Crc32C.Compute(bytes);
    }
}
