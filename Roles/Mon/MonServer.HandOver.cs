using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Google.Protobuf;

namespace Fastblock.Roles.Mon;

/// <summary>
/// Hand-over: the log no longer reaches back to a monitor that was away for long, so the leader sends it the whole store in pages.
/// <code>
///   leader: pin the log at S ── page 0 ──► follower: durable mark "incomplete", wipe
///                            ◄── ok ─────
///                            ── page n ──►           put
///                            ── last ────►           state record at S, durable, log begins anew behind S, mark removed
/// </code>
/// A follower that stops in between is still marked, does not vote for itself, and is handed everything again.
/// </summary>
internal sealed partial class MonServer
{
    private const long PageTimeoutNanos = 10 * Units.NanosPerSecond;

    private NodeId _handingOverTo = NodeId.None;
    private Installation? _installing;

    /// <summary>What a follower knows of a hand-over under way.</summary>
    private sealed class Installation
    {
        public required ControlSession Session { get; init; }
        public required ulong Index { get; init; }
        public required ulong Term { get; init; }
        public required ulong Revision { get; init; }
        public uint NextPage { get; set; }
        public bool Busy { get; set; }
    }

    // ---- leader ----

    private void StartHandOver(NodeId peer)
    {
        if (!_handingOverTo.IsNone || AddressOf(peer) is not { } address) { return; }
        ulong index = _completeIndex;
        if (!_group!.TryDescribeBase(new LogIndex(index), out GroupBase? description) || !_group.PinLog(new LogIndex(index))) { return; }
        _handingOverTo = peer;
        HandOverAsync(peer, address, description).Forget();
    }

    private async ReactorTask HandOverAsync(NodeId peer, NetAddress address, GroupBase description)
    {
        (ulong index, ulong term) = (description.Index.Value, description.Term.Value);
        ulong leaderLast = description.LeaderEnd.Index.Value;
        ByteString described = UnsafeByteOperations.UnsafeWrap(description.EncodeForPeer(_group!.MembersIndex));
        Counters.HandOvers++;
        _log.Info($"hands the store over to mon.{peer.Value}, which is too far behind for the log");
        // The values are immutable, so the list is a consistent snapshot without copying them.
        List<KeyValuePair<string, StoreValue>> values = [.. _store.Values];
        ulong revision = _store.Revision;
        ControlChannel channel = OpenPeerChannel(address);
        PeerLine line = new();
        _lines.Add((channel, line));
        _reactor.Arm(line, _reactor.NowNanos + PageTimeoutNanos);
        bool good = await line.Up;
        int at = 0;
        for (uint page = 0; good && (page == 0 || at < values.Count); page++)
        {
            StoreInstallRequest install = new() { Index = index, Term = term, Revision = revision, Page = page, LeaderLast = leaderLast, Base = described };
            int bytes = 0;
            while (at < values.Count && bytes < MonLimits.PushBytes)
            {
                (string key, StoreValue value) = values[at++];
                bytes += key.Length + value.Bytes.Length + 16;
                install.Entries.Add(new MapEntry
                {
                    Key = key,
                    Value = UnsafeByteOperations.UnsafeWrap(value.Bytes),
                    Revision = value.Revision,
                });
            }
            install.Last = at == values.Count;
            ControlReply reply = await channel.RequestAsync(new ControlRequest { StoreInstall = install },
                _reactor.NowNanos + PageTimeoutNanos);
            good = reply.Status is ControlStatus.StatusOk && _group is { IsLeader: true };
        }
        channel.Close(Errno.ShutDown);
        _handingOverTo = NodeId.None;
        _group.UnpinLog();
        _group.OnHandOverEnded(peer, good, new LogIndex(index));
    }

    // ---- follower ----

    private void OnStoreInstall(ControlSession session, ulong id, StoreInstallRequest request)
    {
        if (session.Connection.PeerHello.Role is not PeerRole.Mon || _group is null || _group.IsLeader)
        {
            session.Reply(id, ControlCodec.Reply(ControlStatus.StatusPermission, "only the leading monitor may do this"));
            return;
        }
        InstallAsync(session, id, request).Forget();
    }

    private async ReactorTask InstallAsync(ControlSession session, ulong id, StoreInstallRequest request)
    {
        string? wrong = request.Page == 0 ? await BeginInstallAsync(session, request) : null;
        Installation? install = _installing;
        if (wrong is null && (install is null || install.Session != session || install.Busy || install.NextPage != request.Page
            || install.Index != request.Index || install.Term != request.Term || install.Revision != request.Revision))
        {
            wrong = "this page does not follow the one before";
        }
        if (wrong is null)
        {
            install!.Busy = true;
            wrong = await TakePageAsync(install, request);
            install.Busy = false;
            install.NextPage++;
        }
        session.Reply(id, wrong is null ? new ControlReply() : ControlCodec.Reply(ControlStatus.StatusFailed, wrong));
    }

    private async ReactorTask<string?> BeginInstallAsync(ControlSession session, StoreInstallRequest request)
    {
        if (_installing is { Busy: true }) { return "another hand-over is under way"; }
        Installation install = new()
        {
            Session = session,
            Index = request.Index,
            Term = request.Term,
            Revision = request.Revision,
            Busy = true,
        };
        _installing = install;
        DropWatches();
        CommitSignal marked = new();
        bool good = _group!.BeginRecovery(marked) is Errno.None && await marked.Signal;
        install.Busy = false;
        if (!good) { return "cannot mark the store as incomplete"; }
        _store.Clear();
        _disk.Wipe();
        return null;
    }

    private async ReactorTask<string?> TakePageAsync(Installation install, StoreInstallRequest request)
    {
        foreach (MapEntry entry in request.Entries)
        {
            if (!_store.TryLoad(entry.Key, new StoreValue(entry.Value.ToByteArray(), entry.Revision)))
            {
                return $"the record '{entry.Key}' is none that this version can read";
            }
            _disk.AddValue(entry.Key, entry.Value.Span, entry.Revision);
        }
        if (request.Last) { _disk.AddState(install.Revision, install.Index); }
        long deadline = _reactor.NowNanos + PageTimeoutNanos;
        while (!_disk.TryFlush() || !_disk.IsDurable)
        {
            if (_disk.HasFailed || _reactor.NowNanos > deadline) { return "the device takes no writes"; }
            await _reactor.Delay(Units.NanosPerMilli);
        }
        if (!request.Last) { return null; }
        CommitSignal based = new();
        GroupBase? described = GroupBase.Decode(request.Base.Span, new LogIndex(install.Index), new Term(install.Term), new LogIndex(request.LeaderLast));
        Errno status = described is null ? Errno.BadMessage : _group!.InstallBase(described, based);
        if (status is not Errno.None || !await based.Signal) { return $"cannot install the log's new beginning: {status}"; }
        _store.EndLoad(install.Revision);
        FollowMap();
        _completeIndex = install.Index;
        _installing = null;
        _log.Info($"took over the whole store at revision {install.Revision}");
        return null;
    }

    /// <summary>Lets a task wait for a proposal-like completion.</summary>
    private sealed class CommitSignal : IProposalWaiter
    {
        public ReactorSignal<bool> Signal { get; } = new();

        public void OnCommitted(LogIndex index) => Signal.Set(true);

        public void OnDropped(LogIndex index) => Signal.Set(false);
    }
}
