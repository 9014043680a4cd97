using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Replication;

// Before a clean end: whoever leads here would be missed for an election timeout, so it hands over first.
internal sealed partial class RaftHost
{
    /// <summary>How often a host that retires looks again at what it still leads: a hand-over takes a round trip and a log write.</summary>
    private const long RetireLookNanos = 2 * Units.NanosPerMilli;

    /// <summary>This node is about to end. Peers learn it with the next message that they get.</summary>
    internal bool IsRetiring { get; private set; }

    /// <summary>Hands the leadership of every group to a follower that has caught up, and takes none any more. Ends when no group
    /// that somebody else could lead is led here.</summary>
    /// <param name="timeoutNanos">For all of them; what is not handed over by then is elected anew.</param>
    public async ReactorTask RetireAsync(long timeoutNanos)
    {
        long deadline = Reactor.NowNanos + timeoutNanos;
        IsRetiring = true;
        foreach (RaftGroup group in _groups.Values) { group.Retire(); }
        while (IsStarted && HandOverAll() && Reactor.NowNanos < deadline)
        {
            await Reactor.Delay(Math.Min(RetireLookNanos, deadline - Reactor.NowNanos));
        }
    }

    /// <returns>True while there is something to wait for.</returns>
    private bool HandOverAll()
    {
        bool leads = false;
        foreach (RaftGroup group in _groups.Values) { leads |= group.HandOver(); }
        return leads;
    }
}
