using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>The following side of merged heartbeats from one peer's shard; see <see cref="HeartbeatSender"/>. Pure.</summary>
internal sealed class HeartbeatReceiver
{
    /// <summary>Slots that a peer may number: as many groups as a shard can sensibly lead.</summary>
    public const uint MaxSlots = 1 << 16;

    /// <summary>Slots that one answer can name as left; with more, the answer renews nothing.</summary>
    public const int MaxLeft = 4096;

    private enum SlotState : byte { Free, Follows, Left }

    private struct Slot
    {
        public SlotState State;
        public PgId Group;
    }

    private Slot[] _slots = new Slot[16];
    private uint _slotCount;
    private ulong _session;
    private ulong _version;

    /// <summary>Slots in state Left.</summary>
    public int LeftCount { get; private set; }

    /// <summary>When the newest heartbeat arrived; for slots that follow.</summary>
    public long HeardAt { get; private set; } = long.MinValue;

    /// <summary>Takes a heartbeat in.</summary>
    /// <param name="now">Sampled after it was taken from the network.</param>
    /// <param name="left">Room for the slots that left, <see cref="MaxLeft"/>.</param>
    /// <returns>The answer to send with the first <paramref name="leftCount"/> of <paramref name="left"/>.</returns>
    public HeartbeatAck OnBeat(in HeartbeatBeat beat, ReadOnlySpan<HeartbeatChange> changes, long now, IHeartbeatSlots groups,
        Span<uint> left, out int leftCount)
    {
        leftCount = 0;
        if (beat.FromVersion == 0 && beat.Session != _session)
        {
            Clear(groups);
            _session = beat.Session;
        }
        if (beat.Session != _session || beat.FromVersion != _version ||
            (beat.Version != _version && beat.Version - 1 != _version))
        {
            return new HeartbeatAck(beat.Session, 0, beat.SentAt, IsValid: false);
        }
        foreach (HeartbeatChange change in changes)
        {
            if (change.Slot >= MaxSlots) { return new HeartbeatAck(beat.Session, 0, beat.SentAt, IsValid: false); }
        }
        // Removals come before the time is moved: a group that the peer leads no more was not heard with this message.
        foreach (HeartbeatChange change in changes) { Apply(in change, groups); }
        _version = beat.Version;
        HeardAt = now;
        if (LeftCount > left.Length) { return new HeartbeatAck(beat.Session, 0, beat.SentAt, IsValid: false); }
        for (uint slot = 0; slot < _slotCount && leftCount < LeftCount; slot++)
        {
            if (_slots[slot].State == SlotState.Left) { left[leftCount++] = slot; }
        }
        return new HeartbeatAck(beat.Session, _version, beat.SentAt, IsValid: true);
    }

    /// <summary>The group in this slot votes, campaigns, sees a newer term or is closed: it follows the peer no more.</summary>
    public void Leave(uint slot)
    {
        if (slot >= _slotCount || _slots[slot].State != SlotState.Follows) { return; }
        _slots[slot].State = SlotState.Left;
        LeftCount++;
    }

    /// <summary>Forgets the set: the connection was lost.</summary>
    public void Clear(IHeartbeatSlots groups)
    {
        for (uint slot = 0; slot < _slotCount; slot++) { Free(slot, groups); }
        _slotCount = 0;
        _session = 0;
        _version = 0;
        HeardAt = long.MinValue;
    }

    private void Apply(in HeartbeatChange change, IHeartbeatSlots groups)
    {
        while (change.Slot >= _slots.Length) { Array.Resize(ref _slots, _slots.Length * 2); }
        _slotCount = Math.Max(_slotCount, change.Slot + 1);
        Free(change.Slot, groups);
        if (!change.IsAdded) { return; }
        bool follows = groups.TryBind(in change);
        _slots[change.Slot] = new Slot { State = follows ? SlotState.Follows : SlotState.Left, Group = change.Group };
        if (!follows) { LeftCount++; }
    }

    private void Free(uint slot, IHeartbeatSlots groups)
    {
        switch (_slots[slot].State)
        {
            case SlotState.Follows: groups.OnUnbound(_slots[slot].Group, slot, HeardAt); break;
            case SlotState.Left: LeftCount--; break;
            default: break;
        }
        _slots[slot] = default;
    }
}
