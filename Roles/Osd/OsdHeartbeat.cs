using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>Boots the OSD at the monitors and keeps telling them that it lives and what became of its PGs. The monitors
/// being gone changes nothing for clients: it goes on trying.</summary>
internal sealed class OsdHeartbeat
{
    /// <summary>How often it is looked whether all shards have reported: clients wait for the boot.</summary>
    private const long FirstReportNanos = 5 * Units.NanosPerMilli;

    private readonly Reactor _reactor;
    private readonly MonClient _mons;
    private readonly OsdOptions _options;
    private readonly OsdIdentity _identity;
    private readonly NetAddress _public;
    private readonly NetAddress _cluster;
    private readonly IReadOnlyList<OsdShard> _shards;
    private readonly ShardReport?[] _latest;

    /// <summary>Shards whose complete list is in what is pending.</summary>
    private readonly bool[] _isComplete;

    private readonly SortedDictionary<ulong, PgStat> _pending = [];
    private readonly Log _log;
    private ulong _boots;
    private bool _isBooted;
    private bool _stopping;

    /// <summary>Why the monitors have not let this OSD in yet; empty when they have, or nothing is known. Any thread may read it.</summary>
    public string WaitsFor { get; private set; } = "";

    private string _lastWhy = "";

    /// <summary>Called once when the monitors will never let this OSD in: they are those of another cluster.</summary>
    public Action<string>? OnRefused { get; init; }

    public OsdHeartbeat(Reactor reactor, MonClient mons, OsdOptions options, OsdIdentity identity, NetAddress publicAddress,
        NetAddress clusterAddress, IReadOnlyList<OsdShard> shards, Log log)
    {
        (_reactor, _mons, _options, _identity) = (reactor, mons, options, identity);
        (_public, _cluster, _shards, _log) = (publicAddress, clusterAddress, shards, log);
        _latest = new ShardReport?[shards.Count];
        _isComplete = new bool[shards.Count];
    }

    /// <summary>A shard's news; a later one of the same PG replaces it.</summary>
    public void OnReport(ShardReport report)
    {
        _latest[report.Shard] = report;
        _isComplete[report.Shard] |= report.IsFull;
        foreach (PgStat stat in report.Pgs) { _pending[stat.Pg] = stat; }
    }

    public async ReactorTask RunAsync()
    {
        while (!_stopping)
        {
            // Before every shard has reported once the size is not known.
            if (Array.IndexOf(_latest, null) >= 0)
            {
                await _reactor.Delay(FirstReportNanos);
                continue;
            }
            if (!_isBooted) { await BootAsync(); } else { await BeatAsync(); }
            await _reactor.Delay(_options.HeartbeatNanos);
        }
    }

    /// <summary>A clean stop: the monitors need not wait for the silence.</summary>
    /// <param name="reason">Why this OSD cannot go on; empty = it was told to stop.</param>
    public async ReactorTask StopAsync(string reason = "")
    {
        _stopping = true;
        if (!_isBooted || !_mons.IsConnected) { return; }
        ControlRequest request = new()
        {
            OsdStop = new OsdStopRequest
            {
                Id = _identity.Id.Value,
                DeviceUuid = UuidBytes.ToBytes(_identity.Device),
                Boots = _boots,
                Reason = reason,
            },
        };
        _ = await _mons.RequestAsync(request, Units.NanosPerSecond);
    }

    private async ReactorTask BootAsync()
    {
        ControlRequest request = new()
        {
            OsdBoot = new OsdBootRequest
            {
                Id = _identity.Id.Value,
                DeviceUuid = UuidBytes.ToBytes(_identity.Device),
                ClusterUuid = UuidBytes.ToBytes(_identity.Cluster),
                PublicAddress = _public.ToString(),
                ClusterAddress = _cluster.ToString(),
                Shards = (uint)_identity.Shards,
                SizeBytes = TotalSize(),
                Host = _options.Host,
                Rack = _options.Rack,
            },
        };
        ControlReply reply = await _mons.RequestAsync(request, 5 * Units.NanosPerSecond);
        if (reply.Status == ControlStatus.StatusOk && reply.OsdBootResult is not null)
        {
            _boots = reply.OsdBootResult.Boots;
            _isBooted = true;
            WaitsFor = "";
            _lastWhy = "";
            AskForAll();
            _log.Info($"osd.{_identity.Id.Value} is up at {_public}");
        }
        else if (reply.Status == ControlStatus.StatusPermission && _boots == 0)
        {
            // Only before the first boot: one that serves clients goes on, whatever becomes of the monitors.
            _stopping = true;
            OnRefused?.Invoke(OsdServer.RefusalText(_identity, reply.Text));
        }
        else
        {
            // In a rolling upgrade OSDs may come first. Monitors that only cannot be reached are no reason to call this OSD unwell.
            WaitsFor = _mons.OlderVersion is { } older
                ? $"they speak protocol {older}, this OSD {Hello.CurrentVersion}: waiting until they have been upgraded" : "";
            string kind = WaitsFor.Length > 0 ? WaitsFor : reply.Status.ToString(); // the addresses in the text alternate
            if (kind == _lastWhy) { return; }
            _lastWhy = kind;
            _log.Warn($"the monitors do not let osd.{_identity.Id.Value} in yet: {(WaitsFor.Length > 0 ? WaitsFor : reply.Text)}");
        }
    }

    private async ReactorTask BeatAsync()
    {
        OsdHeartbeatRequest beat = new()
        {
            Id = _identity.Id.Value,
            DeviceUuid = UuidBytes.ToBytes(_identity.Device),
            Boots = _boots,
            Epoch = _mons.Map.Epoch.Value,
            SizeBytes = TotalSize(),
            Full = !_isComplete.AsSpan().Contains(false),
        };
        foreach (ShardReport? report in _latest)
        {
            beat.UsedBytes += report?.UsedBytes ?? 0;
            beat.StoreFull |= report is { HasNoRoom: true };
            beat.Corruptions += (uint)(report?.Corruptions ?? 0);
        }
        beat.Pgs.AddRange(_pending.Values);
        List<PgStat> sent = [.. _pending.Values];
        _pending.Clear();
        Array.Clear(_isComplete);
        ControlReply reply = await _mons.RequestAsync(new ControlRequest { OsdHeartbeat = beat }, 2 * Units.NanosPerSecond);
        if (reply.Status != ControlStatus.StatusOk || reply.OsdHeartbeatResult is null)
        {
            // Unanswered: what it said still has to be told, unless there is newer.
            foreach (PgStat stat in sent) { _ = _pending.TryAdd(stat.Pg, stat); }
            AskForAll();
            if (reply.Status is ControlStatus.StatusWrongState or ControlStatus.StatusNotFound) { _isBooted = false; }
            return;
        }
        if (reply.OsdHeartbeatResult.WantBoot) { _isBooted = false; }
        if (reply.OsdHeartbeatResult.WantFull) { AskForAll(); }
    }

    private long TotalSize()
    {
        long sum = 0;
        foreach (ShardReport? report in _latest) { sum += report?.SizeBytes ?? 0; }
        return sum;
    }

    private void AskForAll()
    {
        foreach (OsdShard shard in _shards) { shard.Reactor.Post(new ReportAllCall(shard)); }
    }

    private sealed class ReportAllCall(OsdShard shard) : IRunnable
    {
        public void Run() => shard.ReportAll();
    }
}
