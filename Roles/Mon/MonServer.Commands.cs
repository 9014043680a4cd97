using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Mon;

/// <summary>The queue of commands: one is decided at a time, and the next when its changes are committed.</summary>
internal sealed partial class MonServer
{
    private readonly LinkedList<PendingCommand> _queue = new();
    private Proposal? _proposal;
    private bool _tickQueued;

    void IControlService.OnRequest(ControlSession session, ulong id, ControlRequest request)
    {
        Counters.Requests++;
        switch (request.CommandCase)
        {
            case ControlRequest.CommandOneofCase.Watch:
                StartWatch(session, id, request.Watch);
                return;
            case ControlRequest.CommandOneofCase.MonJoin:
                OnMonJoin(session, id, request.MonJoin);
                return;
            case ControlRequest.CommandOneofCase.StoreInstall:
                OnStoreInstall(session, id, request.StoreInstall);
                return;
            case ControlRequest.CommandOneofCase.LogLevel when ProcessRequests is not null:
                session.Reply(id, ProcessRequests(request));
                return;
            default:
                break;
        }
        if (_group is not { IsReady: true })
        {
            session.Reply(id, Redirect());
            return;
        }
        if (request.CommandCase is ControlRequest.CommandOneofCase.OsdHeartbeat)
        {
            OnHeartbeat(session, id, request);
            return;
        }
        if (_queue.Count >= MonLimits.QueuedCommands)
        {
            session.Reply(id, ControlCodec.Reply(ControlStatus.StatusAgain, "the monitor is overloaded"));
            return;
        }
        _queue.AddLast(new PendingCommand { Session = session, Id = id, Request = request });
        Pump();
    }

    /// <summary>Heartbeats change nothing that is replicated, so they pass the queue; what follows from them is the tick's.</summary>
    private void OnHeartbeat(ControlSession session, ulong id, ControlRequest request)
    {
        ControlReply reply = _state.Evaluate(request, _reactor.NowNanos, _reactor.Clock.WallMillis).Reply;
        reply.Revision = _store.Revision;
        session.Reply(id, reply);
        if (request.OsdHeartbeat.Pgs.Count > 0) { EnqueueTick(); }
        Pump();
    }

    private void EnqueueTick()
    {
        if (_tickQueued) { return; }
        _tickQueued = true;
        _queue.AddLast(new PendingCommand
        {
            Internal = () =>
            {
                _tickQueued = false;
                return FollowGroup() ?? _state.Tick(_reactor.NowNanos);
            },
        });
    }

    private ControlReply Redirect()
    {
        ControlReply reply = ControlCodec.Reply(ControlStatus.StatusNotLeader, "the monitors are electing a leader");
        reply.Revision = _store.Revision;
        if (_group is null || _group.IsLeader) { return reply; }
        NodeId leader = _group.LeaderHint;
        if (leader.IsNone || AddressOf(leader) is not { } address) { return reply; }
        reply.Text = $"mon.{leader.Value} at {address} leads";
        reply.LeaderMon = leader.Value;
        reply.LeaderAddress = address.ToString();
        return reply;
    }

    /// <summary>Decides commands until one has to wait for its commit.</summary>
    private void Pump()
    {
        if (_proposal is { IsSent: false }) { SendProposal(); }
        while (_proposal is null && _queue.First is { } first && _group is { IsReady: true })
        {
            _queue.RemoveFirst();
            Decide(first.Value);
        }
    }

    private void Decide(PendingCommand command)
    {
        if (command.Session is { IsUp: false }) { return; }
        MonChanges? changes;
        if (command.Internal is not null) { changes = command.Internal(); }
        else
        {
            if (command.Request!.CommandCase is ControlRequest.CommandOneofCase.Status or ControlRequest.CommandOneofCase.Health
                or ControlRequest.CommandOneofCase.MonRemove)
            {
                UpdateMonStatus();
            }
            MonVerdict verdict = _state.Evaluate(command.Request, _reactor.NowNanos, _reactor.Clock.WallMillis);
            (command.Reply, changes) = (verdict.Reply, verdict.Changes);
            if (verdict.Reply.Status is not ControlStatus.StatusOk) { Counters.Refusals++; }
        }
        if (changes is null || changes.IsEmpty)
        {
            Confirm(command);
            return;
        }
        StoreTransaction transaction = changes.ToTransaction();
        if (transaction.CalculateSize() > MonLimits.TransactionBytes)
        {
            command.Answer(ControlCodec.Reply(ControlStatus.StatusFailed, "the change is too large"), _store.Revision);
            return;
        }
        _proposal = new Proposal(this, command, TransactionParts.Split(transaction));
        SendProposal();
    }

    /// <summary>An answer that changes nothing must still not come from a monitor that no longer leads without knowing it: it may
    /// have missed changes.</summary>
    private void Confirm(PendingCommand command)
    {
        if (command.Session is null) { return; }
        Confirmation waiter = new(this, command);
        switch (_group!.TryBeginRead(waiter))
        {
            case ReadStatus.Ready:
                command.Answer(command.Reply!, _store.Revision);
                break;
            case ReadStatus.Pending:
                break;
            case ReadStatus.NotLeader:
                command.Session.Reply(command.Id, Redirect());
                break;
            default:
                command.Answer(ControlCodec.Reply(ControlStatus.StatusAgain, "the monitor is overloaded"), _store.Revision);
                break;
        }
    }

    private void SendProposal()
    {
        Proposal proposal = _proposal!;
        while (!proposal.IsSent)
        {
            Errno status = _group!.TryPropose(proposal.Headers[proposal.Next], null, 0, default,
                proposal.IsLastNext ? proposal : null, out _);
            if (status is Errno.Again or Errno.Busy or Errno.NoSpace) { return; } // again at the next iteration or tick
            if (status is not Errno.None)
            {
                _proposal = null;
                proposal.Command.Session?.Reply(proposal.Command.Id, Redirect());
                return;
            }
            proposal.Next++;
        }
    }

    private void OnProposalCommitted(Proposal proposal)
    {
        if (_proposal == proposal) { _proposal = null; }
        if (_lastApplyTookEffect) { proposal.Command.Answer(proposal.Command.Reply ?? new ControlReply(), _store.Revision); }
        else
        {
            Counters.Conflicts++;
            _queue.AddFirst(proposal.Command); // another change got in between: decide anew
        }
    }

    private void OnProposalDropped(Proposal proposal)
    {
        if (_proposal == proposal) { _proposal = null; }
        proposal.Command.Session?.Reply(proposal.Command.Id, Redirect());
    }

    /// <summary>This monitor does not lead any more: whoever waits asks the next leader.</summary>
    private void RefuseQueued()
    {
        foreach (PendingCommand command in _queue) { command.Session?.Reply(command.Id, Redirect()); }
        _queue.Clear();
        _tickQueued = false;
        // A proposal that was sent completely gets its OnDropped from raft; one that was not is nobody's any more.
        if (_proposal is { IsSent: false } open)
        {
            _proposal = null;
            open.Command.Session?.Reply(open.Command.Id, Redirect());
        }
    }

    private void UpdateMonStatus()
    {
        Span<NodeId> seen = stackalloc NodeId[ReplicationLimits.MaxMembers];
        int count = _group!.CopyMembersSeen(seen);
        List<MonStatus> mons = [];
        foreach (MonInfo mon in _store.Map.Cluster?.Mons ?? [])
        {
            bool isSelf = mon.Id == Id;
            mons.Add(new MonStatus
            {
                Id = mon.Id.Value,
                Address = mon.Address.ToString(),
                Leader = isSelf,
                InQuorum = mon.IsMember && (isSelf || seen[..count].Contains(new NodeId(mon.Id.Value))),
                State = mon.State,
            });
        }
        _state.Mons = mons;
        _state.KnowsMons = _reactor.NowNanos - _leadsSince > 2 * _options.ElectionTimeoutNanos;
    }

    /// <summary>The first change of all: the cluster's own record.</summary>
    private void EnqueueFounding()
    {
        _queue.AddFirst(new PendingCommand
        {
            Internal = () =>
            {
                if (_store.Map.Cluster is not null) { return null; }
                MonChanges changes = new(_store);
                List<MonInfo> mons = [];
                foreach (MonIdentityMember member in _identity.Members)
                {
                    if (AddressOf(new NodeId(member.Id)) is { } address)
                    {
                        mons.Add(new MonInfo(new MonId(member.Id), address, StoreOf(member.Id)));
                    }
                }
                changes.Put(MapKeys.Cluster, new ClusterInfo
                {
                    Uuid = _cluster,
                    Shards = (int)_identity.Shards,
                    CreatedMillis = _identity.CreatedMs,
                    Mons = mons,
                }.ToBytes());
                return changes;
            },
        });
    }

    /// <summary>A transaction on its way; the waiter of its last part.</summary>
    private sealed class Proposal(MonServer server, PendingCommand command, List<byte[]> headers) : IProposalWaiter
    {
        public PendingCommand Command { get; } = command;
        public List<byte[]> Headers { get; } = headers;

        /// <summary>The next part to hand to raft.</summary>
        public int Next { get; set; }

        public bool IsLastNext => Next == Headers.Count - 1;
        public bool IsSent => Next == Headers.Count;

        public void OnCommitted(LogIndex index) => server.OnProposalCommitted(this);

        public void OnDropped(LogIndex index) => server.OnProposalDropped(this);
    }

    /// <summary>An answer that waits for the confirmation that this monitor still leads.</summary>
    private sealed class Confirmation(MonServer server, PendingCommand command) : IReadWaiter
    {
        public void OnReadable(LogIndex index) => command.Answer(command.Reply!, server._store.Revision);

        public void OnReadFailed() => command.Session!.Reply(command.Id, server.Redirect());
    }
}
