using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;

namespace Fastblock.Roles.Mon;

/// <summary>Watches are served by every monitor that has a leader, from its own replica.</summary>
internal sealed partial class MonServer
{
    private void StartWatch(ControlSession session, ulong id, WatchRequest request)
    {
        if (_group is null || _group.IsRecovering || (!_group.IsReady && _group.LeaderHint.IsNone))
        {
            session.Reply(id, ControlCodec.Reply(ControlStatus.StatusAgain, "this monitor has no leader at present"));
            return;
        }
        ControlReply reply = new() { Revision = _store.Revision };
        session.Reply(id, reply);
        Watcher watcher = new(session, id, request);
        session.Tag = watcher;
        if (_store.Map.Cluster is not null) { _ = watcher.Pump(_store); }
    }

    /// <summary>Pushes what is new. Before the cluster's own record is there nothing is: half a cluster would confuse.</summary>
    private void PumpWatches()
    {
        if (_store.Map.Cluster is null || _installing is not null) { return; }
        // By index: a push that finds its connection broken may end the session.
        for (int i = _sessions.Count - 1; i >= 0; i--)
        {
            if (i < _sessions.Count && _sessions[i].Tag is Watcher watcher) { _ = watcher.Pump(_store); }
        }
    }

    /// <summary>This monitor is cut off from the others: let watchers find a better one.</summary>
    private void DropWatches()
    {
        foreach (ControlSession session in _sessions.ToArray())
        {
            if (session.Tag is Watcher) { session.Connection.Close(Errno.Again); }
        }
    }
}
