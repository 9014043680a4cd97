using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>A read whose confirmation has ended and whose waiter is to be told: at once when it failed, else as soon as
/// everything up to the index is applied.</summary>
internal struct ConfirmedRead
{
    public IReadWaiter Waiter;
    public LogIndex Index;
    public bool Failed;
}
