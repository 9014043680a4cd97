using System;
using Fastblock.Native.Base;

// Merged heartbeats. One message per pair of shards and interval stands for all groups in which the sender leads and the
// receiver follows. The two agree on a numbered set: slot -> (group, incarnation, term). A heartbeat carries the changes since
// the last one; the answer names the version of the set and the slots that do NOT follow the sender at that term any more.
//
//      leader's shard (HeartbeatSender)                    follower's shard (HeartbeatReceiver)
//      slot added after a direct Append was acknowledged
//      beat {session, from v, to v+1, sent at, +slot} ---> has group, incarnation, term, leader, durable? -> follows : left
//                                                          all following slots: heard now
//      renews following slots from "sent at"         <---- ack {session, v+1, sent at, left: [...]}
//      a left slot is dropped, the group asked directly
//
// Why memory is enough. An acknowledgement of a heartbeat sent at S is a promise of each following voter: no vote for anybody
// else for one election timeout from when it arrived (later than S). The voter keeps it with a time of its own
// (RaftNode.KeepsStill). If it restarts, it forgets both the promise and the set: it then votes for nobody for a full
// election timeout, which outlasts the promise; and it answers with "invalid" until the set was agreed anew, which it does
// only for groups whose durable term is the slot's and whose leader it has heard directly since. A follower that votes or sees a newer term leaves
// the set at once, in memory, before anything of the new term is answered (those answers wait for the durable hard
// state anyway): every later acknowledgement says so, and an earlier one was true when it was given.
namespace Fastblock.Raft;

/// <summary>The leading side of merged heartbeats to one peer's shard. Pure; no allocation once its tables have grown.</summary>
internal sealed class HeartbeatSender
{
    /// <summary>Changes in one heartbeat: what fits into a frame.</summary>
    public const int MaxChanges = 1024;

    private struct Slot
    {
        public HeartbeatChange Entry;

        /// <summary>First version of the set that contains it; 0 = not sent yet.</summary>
        public ulong Since;
        public bool IsUsed;
    }

    private readonly Prng _prng;
    private readonly RingQueue<uint> _pending = new(16);
    private readonly RingQueue<uint> _free = new(16);
    private Slot[] _slots = new Slot[16];
    private uint _slotCount;
    private ulong _session;
    private ulong _version;
    private ulong _ackedVersion;
    private long _ackedStamp = long.MinValue;
    private long _lastSentAt = long.MinValue;

    public HeartbeatSender(Prng prng)
    {
        _prng = prng;
        Restart();
    }

    /// <summary>Groups in the set.</summary>
    public int Count { get; private set; }

    /// <summary>True when a heartbeat is wanted: there is something to renew or to tell.</summary>
    public bool HasWork => Count > 0 || !_pending.IsEmpty;

    /// <summary>Puts a group into the set; the peer must have acknowledged a message of this term before.</summary>
    /// <returns>Its slot.</returns>
    public uint Add(PgId group, ulong incarnation, Term term)
    {
        if (!_free.TryPopFront(out uint slot))
        {
            slot = _slotCount++;
            if (slot == _slots.Length) { Array.Resize(ref _slots, _slots.Length * 2); }
        }
        _slots[slot] = new Slot { Entry = new HeartbeatChange(slot, true, group, incarnation, term), IsUsed = true };
        _pending.PushBack(slot);
        Count++;
        return slot;
    }

    /// <summary>Takes a group out: it is led no more, or left. The number is re-used after the peer was told.</summary>
    public void Remove(uint slot)
    {
        Invariant.Require(_slots[slot].IsUsed);
        _slots[slot].IsUsed = false;
        Count--;
        // Not told yet: the pending place will say "removed", which the receiver takes for an empty slot.
        if (_slots[slot].Since != 0) { _pending.PushBack(slot); }
    }

    /// <summary>When the newest heartbeat was sent that the peer acknowledged while it followed in this slot.</summary>
    public long AckedStamp(uint slot)
    {
        ref Slot s = ref _slots[slot];
        return s.IsUsed && s.Since != 0 && s.Since <= _ackedVersion ? _ackedStamp : long.MinValue;
    }

    /// <summary>Agrees on everything anew: the connection was lost, or the peer does not know our version.</summary>
    public void Restart()
    {
        _session = _prng.Next();
        _version = 0;
        _ackedVersion = 0;
        _ackedStamp = long.MinValue;
        while (!_pending.IsEmpty) { _ = _pending.PopFront(); }
        while (!_free.IsEmpty) { _ = _free.PopFront(); }
        for (uint slot = 0; slot < _slotCount; slot++)
        {
            _slots[slot].Since = 0;
            if (_slots[slot].IsUsed) { _pending.PushBack(slot); } else { _free.PushBack(slot); }
        }
    }

    /// <summary>The next heartbeat and its changes, of which there are at most <paramref name="changes"/>.Length; what does not
    /// fit goes with the next.</summary>
    public HeartbeatBeat Next(long now, Span<HeartbeatChange> changes, out int count)
    {
        ulong from = _version;
        count = 0;
        bool first = _version == 0;
        while (!_pending.IsEmpty && count < changes.Length)
        {
            uint slot = _pending.PopFront();
            ref Slot s = ref _slots[slot];
            if (s.IsUsed)
            {
                s.Since = from + 1;
                changes[count++] = s.Entry;
            }
            else
            {
                changes[count++] = new HeartbeatChange(slot, false, default, 0, default);
                _free.PushBack(slot);
            }
        }
        if (count > 0 || first) { _version = from + 1; }
        _lastSentAt = Math.Max(_lastSentAt, now);
        return new HeartbeatBeat(_session, from, _version, now);
    }

    /// <summary>An answer came.</summary>
    /// <param name="left">Slots that do not follow.</param>
    /// <param name="onLeft">Told of each slot of this set that left; it must remove the slot.</param>
    /// <returns>False = the answer is of another session, or makes no sense: nothing was renewed.</returns>
    public bool OnAck(in HeartbeatAck ack, ReadOnlySpan<uint> left, IHeartbeatSlots onLeft)
    {
        if (ack.Session != _session) { return false; }
        if (!ack.IsValid)
        {
            Reached.Mark("raft: heartbeat set agreed anew");
            Restart();
            return false;
        }
        if (ack.Version == 0 || ack.Version > _version || ack.SentAt > _lastSentAt) { return false; }
        foreach (uint slot in left)
        {
            // A slot that was filled again after the answered version is not meant.
            if (slot < _slotCount && _slots[slot].IsUsed && _slots[slot].Since != 0 && _slots[slot].Since <= ack.Version)
            {
                onLeft.OnSlotLeft(_slots[slot].Entry.Group, slot);
            }
        }
        _ackedVersion = Math.Max(_ackedVersion, ack.Version);
        _ackedStamp = Math.Max(_ackedStamp, ack.SentAt);
        return true;
    }
}
