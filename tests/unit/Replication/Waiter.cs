using System;
using Fastblock.Raft;
using Fastblock.Roles.Replication;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>Remembers how a proposal or a read ended.</summary>
internal sealed class Waiter : IProposalWaiter, IReadWaiter
{
    public event Action<LogIndex>? Committed;

    public int Commits { get; private set; }
    public int Drops { get; private set; }
    public int Reads { get; private set; }
    public int Failures { get; private set; }

    public void OnCommitted(LogIndex index)
    {
        Commits++;
        Committed?.Invoke(index);
    }

    public void OnDropped(LogIndex index) => Drops++;

    public void OnReadable(LogIndex index)
    {
        Reads++;
        Committed?.Invoke(index);
    }

    public void OnReadFailed() => Failures++;
}
