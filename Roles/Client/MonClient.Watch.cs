using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>The watch: asks for everything newer than the mirror has and applies what is pushed, in order. The parts of one
/// change are collected first and applied together, so that nobody ever sees half a map, and a connection lost between
/// two parts leaves the mirror at the revision it says it has.</summary>
internal sealed partial class MonClient
{
    private readonly MapDelta _delta = new();
    private readonly List<MapEntry> _parts = [];
    private bool _partsAreFull;
    private bool _needFull = true;
    private ulong _watchId;

    private async ReactorTask WatchAsync(ControlChannel channel)
    {
        _parts.Clear();
        _partsAreFull = false;
        ControlRequest request = new() { Watch = new WatchRequest { FromRevision = _needFull ? 0 : Map.Epoch.Value } };
        long deadline = _reactor.NowNanos + _options.AttemptNanos;
        ReactorTask<ControlReply> task = channel.RequestAsync(request, deadline, out _watchId);
        ControlReply reply = await task;
        if (reply.Status is ControlStatus.StatusOk || channel != _home) { return; }
        // This monitor cannot serve (it has no leader, for example): the next one may.
        _mons.OnUnready(channel.Address, reply.Text);
        channel.Close(Errno.Again);
    }

    void IControlChannelOwner.OnPush(ControlChannel channel, ulong id, ControlPush push)
    {
        if (channel != _home || id != _watchId || push.MapChange is null) { return; }
        MapChange change = push.MapChange;
        if (change.Full)
        {
            _parts.Clear();
            _partsAreFull = true;
        }
        _parts.AddRange(change.Entries);
        if (change.More) { return; }
        string? wrong = TryApply(new Epoch(change.Revision));
        _parts.Clear();
        _partsAreFull = false;
        if (wrong is not null)
        {
            _needFull = true;
            _mons.OnUnreachable(channel.Address, wrong);
            channel.Close(Errno.Again);
            return;
        }
        _needFull = false;
        IsMapReady = true;
        LearnMons();
        // By index: a listener may add or remove listeners.
        for (int i = 0; i < _listeners.Count; i++) { _listeners[i].OnMapChanged(Map, _delta); }
        WakeWaiters();
    }

    /// <returns>Null, or what is wrong with the change.</returns>
    private string? TryApply(Epoch revision)
    {
        _delta.Clear();
        _delta.Full = _partsAreFull;
        ClusterMap target = _partsAreFull ? new ClusterMap() : Map;
        foreach (MapEntry entry in _parts)
        {
            Epoch changed = new(Math.Min(entry.Revision, revision.Value));
            if (entry.Deleted) { target.Remove(entry.Key, changed); }
            else if (!target.TryPut(entry.Key, entry.Value.Span, changed))
            {
                return $"sent an invalid map record {entry.Key}";
            }
            _delta.Add(entry.Key);
        }
        target.Advance(revision);
        // A map of another cluster must never be taken for ours.
        if (target.Cluster is { } cluster && _options.Cluster != Guid.Empty && cluster.Uuid != _options.Cluster)
        {
            return $"is a monitor of cluster {cluster.Uuid}, not of {_options.Cluster}";
        }
        if (target != Map) { Map.TakeOver(target); }
        return null;
    }
}
