using System.Collections.Generic;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Osd;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>The cluster scenario, and its operator adds OSDs, puts them out and in, changes their weights, removes one, and gives
/// one a new device, while clients work and machines die. In the end every PG must be where the map wants it, all its replicas
/// equal, and nothing left of those that were moved away.</summary>
internal sealed class RebalanceScenario : ClusterScenario
{
    private const int LeastIn = 3;

    private readonly SimHost _operator;
    private readonly List<OsdNode> _spares = [];
    private readonly SortedSet<uint> _out = [];
    private readonly StringBuilder _done = new();
    private OsdNode? _removed;
    private MonClient? _mon;
    private SimSeat? _seat;
    private bool _workEnds;
    private bool _isSwapped;
    private bool _isIdle;
    private uint? _swapped;
    private StatusResult? _status;

    public RebalanceScenario(SimWorld world) : base(world, Shape)
    {
        _operator = world.AddHost("operator");
        for (int i = 1 + world.Prng.Below(2); i > 0; i--) { _spares.Add(new OsdNode(this, Osds.Count + _spares.Count)); }
    }

    public override string Describe() => $"{base.Describe()};{_done}";

    public override bool IsRetired(OsdNode osd) => osd == _removed;

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        Osds = 4 + (draw.Osds % 2),
        PgCount = 4 * draw.PgCount,
        EmptyOneOsd = false,
        LossyFrames = false,
        OutAfterNanos = draw.Lease ? 3 * Units.NanosPerSecond : 0,
        MaxRecoveries = draw.KillClients ? 1 : 3,
    };

    protected override void MakeTrouble()
    {
        _seat = _operator.Start().Seats[0];
        _seat.Do(() => WorkAsync(_seat).Forget());
        base.MakeTrouble();
        _workEnds = true;
        Await("the operator is done", () => _isIdle, 120 * Units.NanosPerSecond);
        foreach (OsdNode osd in Osds)
        {
            if (!osd.Host.IsRunning && osd != _removed) { osd.Start(); }
        }
    }

    protected override void Settle()
    {
        EndWork();
        ReadAllBack();
        _seat!.Do(() => AskStatusAsync().Forget());
        Await("every PG where it should be", IsBalanced, 180 * Units.NanosPerSecond, () => $"{_status}{Places()}{State()}");
        AwaitEqualReplicas();
        Await("space of moved replicas given back", () => Leftover().Length == 0, 30 * Units.NanosPerSecond, () => Leftover() + State());
    }

    /// <summary>Everything that an operator may do, one after the other.</summary>
    private async ReactorTask WorkAsync(SimSeat seat)
    {
        Prng prng = World.Prng;
        _mon = new MonClient(seat.Reactor, seat.Transport, ClientOptions(), prng.Fork());
        _mon.Start();
        while (!_workEnds)
        {
            await seat.Reactor.Delay(prng.Between(100, 3000) * Units.NanosPerMilli);
            if (_workEnds || !_mon.IsMapReady) { continue; }
            switch (prng.Below(6))
            {
                case 0 when _spares.Count > 0: Add(); break;
                case 1: await OutAsync(); break;
                case 2: await InAsync(); break;
                case 3: await ReweightAsync(); break;
                case 4 when Draw.Replicas > 1 && !_isSwapped: await SwapAsync(seat); break;
                case 5 when _removed == null: await RemoveAsync(); break;
                default: break;
            }
        }
        _isIdle = true;
    }

    private void Add()
    {
        OsdNode osd = _spares[0];
        _spares.RemoveAt(0);
        Reached.Mark("sim: OSD added");
        _ = _done.Append($" +{osd.Host.Name}");
        AddOsd(osd);
        osd.Start();
    }

    private async ReactorTask OutAsync()
    {
        if (InCount() <= LeastIn || Any(isOut: false) is not { } osd) { return; }
        Reached.Mark("sim: OSD out");
        await SayAsync($"out {osd.Id.Value}", new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { osd.Id.Value } } });
        _ = _out.Add(osd.Id.Value);
    }

    private async ReactorTask InAsync()
    {
        if (Any(isOut: true) is not { } osd) { return; }
        Reached.Mark("sim: OSD in again");
        await SayAsync($"in {osd.Id.Value}", new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { osd.Id.Value }, In = true } });
        _ = _out.Remove(osd.Id.Value);
    }

    private async ReactorTask ReweightAsync()
    {
        if (Any(isOut: false) is not { } osd) { return; }
        ulong weight = (ulong)World.Prng.Between(40, 200);
        await SayAsync($"weight {osd.Id.Value}={weight}", new ControlRequest { OsdReweight = new OsdReweightRequest { Id = osd.Id.Value, Weight = weight } });
    }

    /// <summary>An OSD whose device died: a new one in the same machine, a new OSD; the old one is taken out and removed.</summary>
    private async ReactorTask SwapAsync(SimSeat seat)
    {
        OsdNode node = Osds[World.Prng.Below(Osds.Count)];
        if (node.Id is not { } old || node == _removed) { return; }
        _isSwapped = true;
        Reached.Mark("sim: device swapped for an empty one");
        if (node.Host.IsRunning) { node.Host.CutPower(); }
        node.SwapDevice();
        node.Start();
        await SayAsync($"swap {old}", new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { old } } });
        _ = _out.Add(old);
        _swapped = old;
        await seat.Reactor.Delay(Units.NanosPerSecond);
    }

    /// <summary>Out, until nothing is there any more, then off, then gone for ever.</summary>
    private async ReactorTask RemoveAsync()
    {
        OsdNode node = Osds[World.Prng.Below(Osds.Count)];
        if (InCount() <= LeastIn + 1 || node.Id is not { } id || !_mon!.Map.TryGetOsd(new OsdId(id), out OsdInfo? osd) || !osd.In) { return; }
        _ = _out.Add(id);
        await SayAsync($"rm {id}", new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { id } } });
        while (Holds(id)) { await _seat!.Reactor.Delay(200 * Units.NanosPerMilli); }
        _removed = node;
        while (_mon.Map.TryGetOsd(new OsdId(id), out osd) && osd.Up)
        {
            if (node.Host.IsRunning) { node.Host.Kill(); } // whatever starts it again
            await _seat!.Reactor.Delay(200 * Units.NanosPerMilli);
        }
        await SayAsync("", new ControlRequest { OsdRemove = new OsdRemoveRequest { Id = id } });
        Reached.Mark("sim: OSD removed");
    }

    private bool Holds(uint id)
    {
        foreach (PgInfo pg in _mon!.Map.Pgs)
        {
            if (pg.Has(new OsdId(id))) { return true; }
        }
        return false;
    }

    private async ReactorTask SayAsync(string what, ControlRequest request)
    {
        if (what.Length > 0) { _ = _done.Append($" {what}"); }
        while (true)
        {
            ControlReply reply = await _mon!.RequestAsync(request.Clone(), 5 * Units.NanosPerSecond);
            if (reply.Status is ControlStatus.StatusOk or ControlStatus.StatusNotFound) { return; }
            await _seat!.Reactor.Delay(200 * Units.NanosPerMilli);
        }
    }

    private int InCount()
    {
        int count = 0;
        foreach (OsdInfo osd in _mon!.Map.Osds) { count += osd is { In: true, Boots: > 0 } && !_out.Contains(osd.Id.Value) ? 1 : 0; }
        return count;
    }

    private OsdInfo? Any(bool isOut)
    {
        var fit = new List<OsdInfo>();
        foreach (OsdInfo osd in _mon!.Map.Osds)
        {
            if (osd.Boots > 0 && _out.Contains(osd.Id.Value) == isOut && osd.Id.Value != _removed?.Id && osd.Id.Value != _swapped) { fit.Add(osd); }
        }
        return fit.Count == 0 ? null : fit[World.Prng.Below(fit.Count)];
    }

    // ---- the end ----

    private bool IsBalanced() => _status is { Recovery: { PgsMoving: 0, PgsWaiting: 0 } } && _status.PgsClean == Draw.PgCount;

    private async ReactorTask AskStatusAsync()
    {
        while (!IsBalanced())
        {
            ControlReply reply = await _mon!.RequestAsync(new ControlRequest { Status = new StatusRequest() }, 5 * Units.NanosPerSecond);
            if (reply.Status is ControlStatus.StatusOk) { _status = reply.StatusResult; }
            await _seat!.Reactor.Delay(500 * Units.NanosPerMilli);
        }
    }

    private string Places()
    {
        var text = new StringBuilder();
        foreach (PgInfo pg in _mon!.Map.Pgs)
        {
            _ = text.AppendLine().Append($"  pg {pg.Id} wants {Ids(pg.Members)} has {Ids(pg.Voters)} + {Ids(pg.Reported?.Learners ?? [])} at {pg.Reported?.Index}, leader {pg.PreferredLeader.Value}");
        }
        foreach (OsdInfo osd in _mon.Map.Osds)
        {
            _ = text.AppendLine().Append($"  osd.{osd.Id.Value} on {osd.Host} {(osd.Up ? "up" : "down")} {(osd.In ? "in" : "out")} weighs {osd.Weight}");
        }
        return text.ToString();
    }

    private static string Ids(IReadOnlyList<PgMember> members)
    {
        var ids = new List<uint>();
        foreach (PgMember member in members) { ids.Add(member.Osd.Value); }
        return $"[{string.Join(",", ids)}]";
    }

    /// <summary>What is still on OSDs that should not hold it.</summary>
    private string Leftover()
    {
        foreach (OsdNode osd in Osds)
        {
            if (osd == _removed) { continue; }
            foreach (OsdShard shard in osd.Server!.Shards)
            {
                foreach (PgInfo pg in _mon!.Map.Pgs)
                {
                    if (pg.Has(new OsdId(osd.Id!.Value), osd.Device) && pg.Shard == shard.Index) { continue; }
                    if (shard.TryGetPg(pg.Id, out _)) { return $"{osd.Host.Name} still has pg {pg.Id}"; }
                    if (shard.Objects.UsedBytesOf(pg.Id) > 0) { return $"{osd.Host.Name} still has objects of pg {pg.Id}"; }
                }
            }
        }
        return "";
    }
}
