using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>Merged heartbeats between two shards: what an acknowledgement renews, and what it must not.</summary>
public sealed class HeartbeatTests
{
    private static readonly PgId Group1 = new(1), Group2 = new(2);

    private sealed class Side : IHeartbeatSlots
    {
        /// <summary>Following side: groups that follow, with their term.</summary>
        public Dictionary<PgId, Term> Following { get; } = [];
        public Dictionary<uint, PgId> Bound { get; } = [];
        public List<(PgId Group, long HeardAt)> Unbound { get; } = [];

        /// <summary>Leading side: slots that left.</summary>
        public List<(PgId Group, uint Slot)> Left { get; } = [];

        public void OnSlotLeft(PgId group, uint slot) => Left.Add((group, slot));

        public bool TryBind(in HeartbeatChange change)
        {
            if (!Following.TryGetValue(change.Group, out Term term) || term != change.Term) { return false; }
            Bound[change.Slot] = change.Group;
            return true;
        }

        public void OnUnbound(PgId group, uint slot, long heardAt)
        {
            _ = Bound.Remove(slot);
            Unbound.Add((group, heardAt));
        }
    }

    private readonly Side _leads = new();
    private readonly Side _follows = new();
    private readonly HeartbeatSender _sender = new(new Prng(1));
    private readonly HeartbeatReceiver _receiver = new();
    private readonly HeartbeatChange[] _changes = new HeartbeatChange[HeartbeatSender.MaxChanges];
    private readonly uint[] _left = new uint[HeartbeatReceiver.MaxLeft];

    private bool Beat(long sentAt, long heardAt)
    {
        HeartbeatBeat beat = _sender.Next(sentAt, _changes, out int count);
        HeartbeatAck ack = _receiver.OnBeat(in beat, _changes.AsSpan(0, count), heardAt, _follows, _left, out int left);
        return _sender.OnAck(in ack, _left.AsSpan(0, left), _leads);
    }

    [Fact]
    public void An_acknowledgement_renews_from_the_time_of_sending()
    {
        _follows.Following[Group1] = new Term(3);
        uint slot = _sender.Add(Group1, 1, new Term(3));
        Assert.Equal(long.MinValue, _sender.AckedStamp(slot));
        Assert.True(Beat(100, 150));
        Assert.Equal(100, _sender.AckedStamp(slot));
        Assert.Equal(150, _receiver.HeardAt);
        Assert.True(Beat(200, 260));
        Assert.Equal(200, _sender.AckedStamp(slot));
    }

    [Fact]
    public void A_group_that_is_not_here_in_that_term_is_not_renewed()
    {
        _follows.Following[Group1] = new Term(4);
        uint slot = _sender.Add(Group1, 1, new Term(3));
        uint other = _sender.Add(Group2, 1, new Term(1));
        Assert.True(Beat(100, 150));
        Assert.Equal([(Group1, slot), (Group2, other)], _leads.Left);
    }

    [Fact]
    public void A_follower_that_votes_leaves_and_the_next_answer_says_so()
    {
        _follows.Following[Group1] = new Term(3);
        _follows.Following[Group2] = new Term(3);
        uint slot = _sender.Add(Group1, 1, new Term(3));
        uint stays = _sender.Add(Group2, 1, new Term(3));
        Assert.True(Beat(100, 150));
        _receiver.Leave(slot);
        Assert.True(Beat(200, 250));
        Assert.Equal([(Group1, slot)], _leads.Left);
        _sender.Remove(slot);
        Assert.Equal(long.MinValue, _sender.AckedStamp(slot));
        Assert.Equal(200, _sender.AckedStamp(stays));
        Assert.True(Beat(300, 350));
        Assert.Single(_leads.Left);
        Assert.Equal(0, _receiver.LeftCount);
    }

    [Fact]
    public void A_slot_that_was_filled_again_is_renewed_only_by_answers_to_its_own_version()
    {
        _follows.Following[Group1] = new Term(3);
        uint slot = _sender.Add(Group1, 1, new Term(3));
        Assert.True(Beat(100, 150));
        _sender.Remove(slot);
        Assert.True(Beat(200, 250)); // tells the removal; the number is free again
        _follows.Following[Group2] = new Term(9);
        Assert.Equal(slot, _sender.Add(Group2, 1, new Term(9)));
        Assert.Equal(long.MinValue, _sender.AckedStamp(slot));
        Assert.True(Beat(300, 350));
        Assert.Equal(300, _sender.AckedStamp(slot));
    }

    [Fact]
    public void A_removed_group_was_heard_with_the_heartbeat_before_not_with_the_one_that_removes_it()
    {
        _follows.Following[Group1] = new Term(3);
        uint slot = _sender.Add(Group1, 1, new Term(3));
        Assert.True(Beat(100, 150));
        _sender.Remove(slot);
        Assert.True(Beat(200, 250));
        Assert.Equal([(Group1, 150L)], _follows.Unbound);
    }

    [Fact]
    public void A_restarted_follower_renews_nothing_until_the_set_was_agreed_anew()
    {
        _follows.Following[Group1] = new Term(3);
        uint slot = _sender.Add(Group1, 1, new Term(3));
        Assert.True(Beat(100, 150));
        _receiver.Clear(_follows); // as a restart does
        _follows.Following.Clear();
        Assert.False(Beat(200, 250));
        Assert.Equal(long.MinValue, _sender.AckedStamp(slot));
        Assert.True(Beat(300, 350));
        Assert.Equal([(Group1, slot)], _leads.Left);
    }

    [Fact]
    public void An_answer_that_claims_a_later_sending_is_ignored()
    {
        _follows.Following[Group1] = new Term(3);
        uint slot = _sender.Add(Group1, 1, new Term(3));
        HeartbeatBeat beat = _sender.Next(100, _changes, out _);
        Assert.False(_sender.OnAck(new HeartbeatAck(beat.Session, beat.Version, 101, true), [], _leads));
        Assert.False(_sender.OnAck(new HeartbeatAck(beat.Session + 1, beat.Version, 100, true), [], _leads));
        Assert.False(_sender.OnAck(new HeartbeatAck(beat.Session, beat.Version + 1, 100, true), [], _leads));
        Assert.Equal(long.MinValue, _sender.AckedStamp(slot));
    }

    /// <summary>Goal: whatever is lost, doubled or overtaken, a slot is renewed only with the sending time of a heartbeat at
    /// whose arrival its group followed. Method: a model of when each group followed.</summary>
    [Fact]
    public void Loss_doubling_and_reordering_never_renew_a_group_that_does_not_follow()
    {
        Prng prng = new(77);
        for (int run = 0; run < 200; run++)
        {
            RunChaos(prng.Fork());
        }
    }

    private static void RunChaos(Prng prng)
    {
        Side leads = new(), follows = new();
        HeartbeatSender sender = new(prng.Fork());
        HeartbeatReceiver receiver = new();
        HeartbeatChange[] changes = new HeartbeatChange[64];
        List<(HeartbeatBeat Beat, HeartbeatChange[] Changes)> beats = [];
        List<(HeartbeatAck Ack, uint[] Left)> acks = [];
        uint[] left = new uint[HeartbeatReceiver.MaxLeft];
        Dictionary<uint, (PgId Group, Term Term)> slots = [];
        Dictionary<(PgId, Term), long> followedUntil = []; // newest sending time at whose arrival it followed
        ulong nextGroup = 1;
        for (long now = 1; now < 600; now++)
        {
            switch (prng.Below(7))
            {
                case 0:
                    PgId group = new(nextGroup++);
                    if (prng.Chance(800_000)) { follows.Following[group] = new Term(1); }
                    slots[sender.Add(group, 1, new Term(1))] = (group, new Term(1));
                    break;
                case 1 when slots.Count > 0:
                    foreach (uint slot in slots.Keys)
                    {
                        sender.Remove(slot);
                        _ = slots.Remove(slot);
                        break;
                    }
                    break;
                case 2 when follows.Bound.Count > 0: // a follower votes
                    foreach ((uint slot, PgId bound) in follows.Bound)
                    {
                        _ = follows.Following.Remove(bound);
                        receiver.Leave(slot);
                        break;
                    }
                    break;
                case 3:
                    HeartbeatBeat beat = sender.Next(now, changes, out int count);
                    beats.Add((beat, changes.AsSpan(0, count).ToArray()));
                    break;
                case 4 when beats.Count > 0:
                    int at = prng.Chance(800_000) ? 0 : prng.Below(beats.Count);
                    (HeartbeatBeat Beat, HeartbeatChange[] Changes) next = beats[at];
                    if (!prng.Chance(100_000)) { beats.RemoveAt(at); }
                    if (prng.Chance(50_000)) { break; } // lost
                    HeartbeatAck ack = receiver.OnBeat(in next.Beat, next.Changes, now, follows, left, out int leftCount);
                    foreach ((PgId g, Term t) in follows.Following)
                    {
                        followedUntil[(g, t)] = Math.Max(followedUntil.GetValueOrDefault((g, t), long.MinValue), next.Beat.SentAt);
                    }
                    acks.Add((ack, left.AsSpan(0, leftCount).ToArray()));
                    break;
                case 5 when acks.Count > 0:
                    int which = prng.Chance(800_000) ? 0 : prng.Below(acks.Count);
                    leads.Left.Clear();
                    _ = sender.OnAck(acks[which].Ack, acks[which].Left, leads);
                    foreach ((PgId g, uint slot) in leads.Left)
                    {
                        sender.Remove(slot);
                        _ = slots.Remove(slot);
                    }
                    if (!prng.Chance(100_000)) { acks.RemoveAt(which); }
                    break;
                default:
                    if (prng.Chance(20_000)) { receiver.Clear(follows); }
                    if (prng.Chance(20_000)) { sender.Restart(); }
                    break;
            }
            foreach ((uint slot, (PgId g, Term t)) in slots)
            {
                long stamp = sender.AckedStamp(slot);
                Assert.True(stamp <= followedUntil.GetValueOrDefault((g, t), long.MinValue), $"slot {slot} renewed without following");
            }
        }
    }
}
