using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>The groups behind the slots of merged heartbeats.</summary>
internal interface IHeartbeatSlots
{
    /// <summary>Leading side: the peer does not follow in this slot; the owner removes the slot and asks the peer directly.</summary>
    void OnSlotLeft(PgId group, uint slot);

    /// <summary>Following side: the peer wants this slot to stand for its group. If the group is here with this incarnation, in
    /// this term, with that leader and a durable hard state, the owner binds the slot to it.</summary>
    /// <returns>Whether the group follows.</returns>
    bool TryBind(in HeartbeatChange change);

    /// <summary>Following side: the slot no longer stands for the group, which was last heard at <paramref name="heardAt"/>.</summary>
    void OnUnbound(PgId group, uint slot, long heardAt);
}
