using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>Waits for one command and holds the promise to it: an acknowledged command is the one that was applied.</summary>
internal sealed class GroupWaiter(GroupsScenario scenario, PgId id, ulong hash) : IProposalWaiter
{
    public bool IsOver { get; private set; }

    public bool IsCommitted { get; private set; }

    public void OnApplying(ulong appliedHash)
    {
        if (appliedHash != hash) { throw new SimFailure($"group {id}: a waiter was told of another command"); }
    }

    public void OnCommitted(LogIndex index)
    {
        End();
        IsCommitted = true;
        scenario.Applied.OnAcknowledged(id.Value, index.Value, hash);
        scenario.OnAcknowledged(id, index);
    }

    public void OnDropped(LogIndex index) => End();

    private void End()
    {
        if (IsOver) { throw new SimFailure($"group {id}: a waiter was called twice"); }
        IsOver = true;
    }
}
