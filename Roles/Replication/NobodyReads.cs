using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Stands in for a read waiter that has gone away.</summary>
internal sealed class NobodyReads : IReadWaiter
{
    public static NobodyReads Instance { get; } = new();

    public void OnReadable(LogIndex index) { }

    public void OnReadFailed() { }
}
