using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>The life of OSDs: made once with an id for ever, boots, heartbeats, silence.</summary>
internal sealed partial class MonState
{
    private MonVerdict OsdNew(OsdNewRequest request)
    {
        ClusterInfo cluster = Map.Cluster!;
        if (!UuidBytes.TryRead(request.DeviceUuid, out Guid device) || device == Guid.Empty)
        {
            return Invalid("an OSD needs the uuid of its device");
        }
        if (!IsOurCluster(request.ClusterUuid, out string wrong)) { return Refuse(ControlStatus.StatusPermission, wrong); }
        if (request.Shards != 0 && request.Shards != cluster.Shards) { return WrongShards((int)request.Shards); }
        if (request.Weight > ClusterLimits.MaxWeight) { return Invalid($"a weight is at most {ClusterLimits.MaxWeight}"); }
        if (request.SizeBytes <= 0) { return Invalid("the size of the device is missing"); }
        if (request.Host.Length == 0 || !IsText(request.Host) || !IsText(request.Rack))
        {
            return Invalid($"host and rack must be printable, at most {ClusterLimits.MaxTextChars} characters, host not empty");
        }
        foreach (OsdInfo known in Map.Osds)
        {
            if (known.Device == device) { return OsdNewAgain(known, request, cluster); }
        }
        MonChanges changes = NewChanges();
        ulong number = changes.Take(StoreKeys.NextOsd, first: 0);
        if (number >= ClusterLimits.MaxOsds)
        {
            return Refuse(ControlStatus.StatusFailed, $"all {ClusterLimits.MaxOsds} OSD ids have been given out");
        }
        if (request.CheckOnly) { return Answer(new ControlReply()); }
        OsdId id = new((uint)number);
        changes.Put(new OsdInfo
        {
            Id = id,
            Device = device,
            Host = request.Host,
            Rack = request.Rack,
            Weight = WeightOf(request),
            Shards = cluster.Shards,
            In = true,
            SizeBytes = request.SizeBytes,
        });
        return Do(changes, NewOsdReply(id, cluster));
    }

    /// <summary>An mkfs is repeated under the uuid with which it began: it gets the same id, unless an OSD has run with it, which
    /// may have acknowledged what the device no longer holds.</summary>
    private MonVerdict OsdNewAgain(OsdInfo known, OsdNewRequest request, ClusterInfo cluster)
    {
        if (known.Boots > 0)
        {
            return Refuse(ControlStatus.StatusWrongState,
                $"osd.{known.Id.Value} has run with device {known.Device}: a device that is made anew needs a new uuid");
        }
        OsdInfo renewed = known with
        {
            Host = request.Host,
            Rack = request.Rack,
            Weight = WeightOf(request),
            SizeBytes = request.SizeBytes,
        };
        if (renewed == known || request.CheckOnly) { return Answer(NewOsdReply(known.Id, cluster)); }
        MonChanges changes = NewChanges();
        changes.Put(renewed);
        return Do(changes, NewOsdReply(known.Id, cluster));
    }

    private static ulong WeightOf(OsdNewRequest request) =>
        request.Weight > 0 ? request.Weight : (ulong)Math.Max(1, request.SizeBytes / Units.MiB);

    private static ControlReply NewOsdReply(OsdId id, ClusterInfo cluster) => new()
    {
        OsdNewResult = new OsdNewResult
        {
            Id = id.Value,
            ClusterUuid = UuidBytes.ToBytes(cluster.Uuid),
            Shards = (uint)cluster.Shards,
        },
    };

    private MonVerdict OsdBoot(OsdBootRequest request, long nowNanos)
    {
        if (!IsOurCluster(request.ClusterUuid, out string wrong)) { return Refuse(ControlStatus.StatusPermission, wrong); }
        if (!TryFindOsd(request.Id, request.DeviceUuid, out OsdInfo? osd, out MonVerdict refusal)) { return refusal; }
        if (request.Shards != Map.Cluster!.Shards) { return WrongShards((int)request.Shards); }
        if (!NetAddress.TryParse(request.PublicAddress, 0, out NetAddress? publicAddress) || publicAddress.Port == 0)
        {
            return Invalid($"'{request.PublicAddress}' is not an address with a port");
        }
        if (!NetAddress.TryParse(request.ClusterAddress, 0, out NetAddress? clusterAddress) || clusterAddress.Port == 0)
        {
            return Invalid($"'{request.ClusterAddress}' is not an address with a port");
        }
        if (!IsText(request.Host) || !IsText(request.Rack) || request.SizeBytes < 0) { return Invalid("host, rack or size is not valid"); }
        MonChanges changes = NewChanges();
        OsdInfo booted = osd! with
        {
            PublicAddress = publicAddress,
            ClusterAddress = clusterAddress,
            Host = request.Host.Length > 0 ? request.Host : osd.Host,
            Rack = request.Rack.Length > 0 ? request.Rack : osd.Rack,
            SizeBytes = request.SizeBytes > 0 ? request.SizeBytes : osd.SizeBytes,
            Up = true,
            DownReason = "",
            In = osd.In || osd.AutoOut, // the monitors take back what they did, never what the operator did
            AutoOut = false,
            Boots = osd.Boots + 1,
        };
        changes.Put(booted);
        OsdRuntime runtime = _runtime.Osd(osd.Id);
        runtime.HeardNanos = nowNanos;
        runtime.Impostor = Guid.Empty;
        return Do(changes, new ControlReply { OsdBootResult = new OsdBootResult { Boots = booted.Boots } });
    }

    /// <summary>Takes in statistics; changes nothing durable itself (see <see cref="Tick"/>).</summary>
    private MonVerdict OsdHeartbeat(OsdHeartbeatRequest request, long nowNanos)
    {
        if (!TryFindOsd(request.Id, request.DeviceUuid, out OsdInfo? osd, out MonVerdict refusal)) { return refusal; }
        if (osd!.Boots != request.Boots || !osd.Up)
        {
            return Answer(new ControlReply { OsdHeartbeatResult = new OsdHeartbeatResult { WantBoot = true, WantFull = true } });
        }
        OsdRuntime runtime = _runtime.Osd(osd.Id);
        runtime.HeardNanos = nowNanos;
        bool wantFull = !request.Full && !runtime.HasStats;
        if (!wantFull) { TakeStats(runtime, request); }
        return Answer(new ControlReply { OsdHeartbeatResult = new OsdHeartbeatResult { WantFull = wantFull } });
    }

    private void TakeStats(OsdRuntime runtime, OsdHeartbeatRequest request)
    {
        runtime.SizeBytes = Math.Max(0, request.SizeBytes);
        runtime.UsedBytes = Math.Max(0, request.UsedBytes);
        runtime.Corruptions = request.Corruptions;
        runtime.HasNoRoom = request.StoreFull;
        runtime.HasStats = true;
        if (request.Full) { runtime.Pgs.Clear(); }
        foreach (PgStat stat in request.Pgs)
        {
            // Only what the map knows is kept, so that a mad OSD cannot fill the monitor's memory.
            if (stat.Removed || !Map.TryGetPg(new PgId(stat.Pg), out PgInfo? pg) || !pg.Has(runtime.Id))
            {
                runtime.Pgs.Remove(stat.Pg);
                continue;
            }
            runtime.Pgs[stat.Pg] = stat;
        }
    }

    /// <summary>Of what an OSD says of its end: a sentence, not its memory.</summary>
    private const int MaxReason = 200;

    private MonVerdict OsdStop(OsdStopRequest request)
    {
        if (!TryFindOsd(request.Id, request.DeviceUuid, out OsdInfo? osd, out MonVerdict refusal)) { return refusal; }
        if (!osd!.Up || osd.Boots != request.Boots) { return Answer(new ControlReply()); }
        MonChanges changes = NewChanges();
        changes.Put(osd with { Up = false, DownReason = request.Reason[..Math.Min(request.Reason.Length, MaxReason)] });
        return Do(changes);
    }

    private bool TryFindOsd(uint id, Google.Protobuf.ByteString uuid, out OsdInfo? osd, out MonVerdict refusal)
    {
        refusal = default;
        if (!Map.TryGetOsd(new OsdId(id), out osd))
        {
            refusal = Refuse(ControlStatus.StatusNotFound, $"there is no osd.{id} in this cluster: make it with 'fastblock osd mkfs'");
            return false;
        }
        if (UuidBytes.TryRead(uuid, out Guid device) && device == osd.Device) { return true; }
        _runtime.Osd(osd.Id).Impostor = device;
        refusal = Refuse(ControlStatus.StatusWrongState,
            $"osd.{id} is known with device {osd.Device}, this one is {device}: an emptied or swapped device does not become "
            + "an old OSD again; make it a new OSD with 'fastblock osd mkfs' without an id");
        return false;
    }

    private bool IsOurCluster(Google.Protobuf.ByteString uuid, out string wrong)
    {
        wrong = "";
        Guid ours = Map.Cluster!.Uuid;
        if (UuidBytes.TryRead(uuid, out Guid theirs) && (theirs == Guid.Empty || theirs == ours)) { return true; }
        wrong = $"the device belongs to cluster {theirs}, this is cluster {ours}";
        return false;
    }

    private MonVerdict WrongShards(int shards) => Refuse(ControlStatus.StatusWrongState,
        $"the device has {shards} shards, the cluster has {Map.Cluster!.Shards}: the number is fixed when a cluster is made; "
        + "make the OSD anew with the cluster's number");

    /// <summary>The leader's own work: OSDs that fell silent, PGs that became durable, images that are gone everywhere. Called
    /// every tick and after heartbeats.</summary>
    /// <returns>The changes to commit; null = none.</returns>
    public MonChanges? Tick(long nowNanos)
    {
        MonChanges changes = NewChanges();
        (int inCount, int known) = CountIn();
        foreach (OsdInfo osd in Map.Osds)
        {
            OsdInfo now = osd with
            {
                Up = osd.Up && _runtime.SilenceNanos(osd.Id, nowNanos) < _options.OsdDownAfterNanos,
            };
            if (_runtime.TryGetOsd(osd.Id, out OsdRuntime? runtime) && runtime is { HasStats: true })
            {
                now = now with { Full = IsFull(runtime), NearFull = UsedPercent(runtime) >= _options.NearFullPercent };
            }
            if (IsToBePutOut(now, nowNanos, inCount, known))
            {
                Reached.Mark("mon: silent OSD put out");
                now = now with { In = false, AutoOut = true };
                inCount--;
            }
            if (now != osd) { changes.Put(now); }
        }
        ActivatePgs(changes);
        FinishFreeing(changes);
        // From a map that does not change under its hands: first what is above, then this.
        if (changes.IsEmpty && _options.MovesPgs) { Rebalance(changes); }
        MeasureRecovery(nowNanos);
        return changes.IsEmpty ? null : changes;
    }

    /// <summary>How many OSDs are in, of those that ever ran.</summary>
    private (int In, int Known) CountIn()
    {
        (int inCount, int known) = (0, 0);
        foreach (OsdInfo osd in Map.Osds)
        {
            if (osd.Boots == 0) { continue; }
            known++;
            inCount += osd.In ? 1 : 0;
        }
        return (inCount, known);
    }

    private static long UsedPercent(OsdRuntime osd) =>
        osd.SizeBytes <= 0 ? 0 : (long)((Int128)osd.UsedBytes * 100 / osd.SizeBytes);

    /// <summary>A small device refuses new data before its percentage says so: a reserve is always kept.</summary>
    private bool IsFull(OsdRuntime osd) => osd.HasNoRoom || UsedPercent(osd) >= _options.FullPercent;

    /// <summary>A PG is active from the moment a majority of its members has it on disk: from then on a member without it has
    /// lost it. Before that nothing was acknowledged, so nothing can be lost.</summary>
    private void ActivatePgs(MonChanges changes)
    {
        int left = MonLimits.PgsPerTransaction;
        foreach (PgInfo pg in Map.Pgs)
        {
            if (pg.State is not PgState.Creating) { continue; }
            int durable = 0;
            foreach (PgMember member in pg.Members)
            {
                if (_runtime.StatOf(pg, member) is { Durable: true }) { durable++; }
            }
            if (durable < pg.Majority) { continue; }
            changes.Put(pg with { State = PgState.Active });
            if (--left == 0) { return; }
        }
    }

    /// <summary>The report of the PG's leader: of the newest term, when several claim it, and only from an OSD that is up.</summary>
    private PgStat? LeaderStat(PgInfo pg) => LeaderStat(pg, out _);

    private PgStat? LeaderStat(PgInfo pg, out OsdId leader)
    {
        leader = default;
        PgStat? best = null;
        IReadOnlyList<PgMember> members = pg.Holders; // one that the target leaves out leads on until its group has let it go
        for (int i = 0; i < members.Count; i++)
        {
            if (!Map.TryGetOsd(members[i].Osd, out OsdInfo? osd) || !osd.Up) { continue; }
            if (_runtime.StatOf(pg, members[i]) is not { Role: PgRole.Leader } stat) { continue; }
            if (best is not null && best.Term >= stat.Term) { continue; }
            best = stat;
            leader = members[i].Osd;
        }
        return best;
    }
}
