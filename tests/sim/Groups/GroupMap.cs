using Fastblock.Raft;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>What the monitors would say of a group.</summary>
/// <param name="Target">Who should vote.</param>
/// <param name="Term">Of the leader that reported.</param>
/// <param name="Index">Of the entry that brought the reported configuration.</param>
/// <param name="Reported">The newest committed configuration that was reported; at first the founding one.</param>
internal sealed record GroupMap(RaftMembers Target, Term Term, LogIndex Index, RaftMembers Reported)
{
    public bool Names(NodeId node) => Target.IsMember(node) || Reported.IsMember(node);

    public override string ToString() => $"target {Target}, reported {Reported} since {Index} in term {Term}";
}
