using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>A leader gives a follower its whole state, which is two numbers here; what matters is the order of the steps: mark the
/// replica incomplete, durable; put the state, durable; install the base; tell the leader.</summary>
internal sealed class GroupHandOver : IProposalWaiter, ILogListener
{
    private readonly GroupsScenario _scenario;
    private readonly PgId _id;
    private readonly GroupNode _leader;
    private readonly GroupNode _follower;
    private readonly GroupMachine _source;
    private readonly int _life;
    private readonly LogIndex _index;
    private readonly GroupBase? _base;
    private readonly Term _term;
    private readonly ulong _hash;
    private readonly KvBatch _batch = new();
    private GroupMachine? _target;
    private ulong _sequence;
    private bool _marked;

    /// <summary>Runs in the leader's loop.</summary>
    public GroupHandOver(GroupsScenario scenario, PgId id, GroupNode leader, GroupMachine source, GroupNode follower)
    {
        _scenario = scenario;
        _id = id;
        _leader = leader;
        _source = source;
        _follower = follower;
        _life = leader.Host.Incarnation;
        _index = source.Group!.Applied;
        _hash = source.Hash;
        Invariant.Require(source.Group.TryGetTerm(_index, out _term));
        if (source.Group.TryDescribeBase(_index, out GroupBase? description)) { _base = GroupBase.Decode(description.Encode(), _index, _term, default); }
    }

    public void Begin()
    {
        if (_base == null || !_source.Group!.PinLog(_index)) { return; }
        SimSeat? seat = _follower.Seat;
        if (seat == null || _scenario.World.Network.IsCut(_leader.Host, _follower.Host))
        {
            _source.Group.UnpinLog();
            return;
        }
        // Whatever happens, the pin must not stay.
        _scenario.World.Schedule(5 * Units.NanosPerSecond, () => OnLeader(_source.Group!.UnpinLog));
        _scenario.World.Schedule(_scenario.World.Prng.Between(1, 5) * Units.NanosPerMilli, () =>
        {
            if (_follower.Seat == seat) { seat.Do(Receive); }
        });
    }

    public void OnCommitted(LogIndex index)
    {
        if (_marked) { return; } // the second call is about the base
        _marked = true;
        if (_target!.IsRemoved)
        {
            Fail();
            return;
        }
        byte[] value = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(value, _index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(8), _hash);
        _batch.Clear();
        Invariant.Require(_batch.TryPut(_target!.Key, value));
        if (_target.Kv.Commit(_batch, this, out _sequence) != Errno.None) { Fail(); }
    }

    public void OnDropped(LogIndex index) => Fail();

    public void OnLogDurable(ulong sequence)
    {
        if (sequence < _sequence || _target!.Incoming != this) { return; }
        if (_target.IsRemoved)
        {
            Fail();
            return;
        }
        Errno status = _target.Group!.InstallBase(_base!);
        if (status != Errno.None)
        {
            Fail();
            return;
        }
        Reached.Mark("sim: group handed over");
        _target.OnInstalled(_index, _hash);
        Finish(success: true);
    }

    public void OnLogFailed(Errno status) { }

    /// <summary>Runs in the follower's loop.</summary>
    private void Receive()
    {
        if (!_follower.Machines.TryGetValue(_id, out _target) || _target.Incoming != null)
        {
            TellLeader(success: false);
            return;
        }
        RaftGroup group = _target.Group!;
        if (!group.IsRecovering && group.TryGetTerm(_index, out Term own) && own == _term)
        {
            Finish(success: true); // not needed: the leader only has to look again
            return;
        }
        if (_index < group.Applied || _term > group.Term)
        {
            TellLeader(success: false);
            return;
        }
        _target.Incoming = this;
        if (group.BeginRecovery(this) != Errno.None) { Fail(); }
    }

    private void Fail()
    {
        if (_target != null && _target.Incoming == this) { _target.Incoming = null; }
        Finish(success: false);
    }

    private void Finish(bool success)
    {
        if (_target!.Incoming == this) { _target.Incoming = null; }
        TellLeader(success);
    }

    private void TellLeader(bool success) =>
        _scenario.World.Schedule(_scenario.World.Prng.Between(1, 5) * Units.NanosPerMilli, () => OnLeader(() =>
        {
            _source.Group!.UnpinLog();
            _source.Group.OnHandOverEnded(new NodeId(_follower.Id), success, _index);
        }));

    private void OnLeader(Action action)
    {
        if (_leader.Host.Incarnation == _life) { _leader.Seat?.Do(action); }
    }
}
