using System;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;

namespace Fastblock.Roles.Mon;

/// <summary>A command that waits for its turn, or for its commit. One without a session is the leader's own.</summary>
internal sealed class PendingCommand
{
    public ControlSession? Session { get; init; }
    public ulong Id { get; init; }
    public ControlRequest? Request { get; init; }

    /// <summary>The leader's own work: makes the changes when its turn comes; null = none needed (any more).</summary>
    public Func<MonChanges?>? Internal { get; init; }

    /// <summary>The answer, once it has been decided.</summary>
    public ControlReply? Reply { get; set; }

    public void Answer(ControlReply reply, ulong revision)
    {
        if (Session is null) { return; }
        // The reply may be the one that is remembered in the store: it is not changed.
        ControlReply copy = reply.Clone();
        copy.Revision = revision;
        Session.Reply(Id, copy);
    }
}
