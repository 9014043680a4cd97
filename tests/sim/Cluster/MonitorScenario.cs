using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>The cluster scenario, and a monitor comes back with an empty device. One of three may even be made anew by its operator,
/// under its old id: it must stay out, also while another one is away. The only one must refuse to be a monitor until it gets
/// its device back. Meanwhile images are made and deleted: no id is ever given twice.</summary>
internal sealed class MonitorScenario : ClusterScenario
{
    private readonly SimHost _operator;
    private readonly SortedSet<ulong> _ids = [];
    private readonly MonNode _emptied;
    private readonly bool _madeAgain;
    private string _wrong = "";
    private bool _workEnds;

    public MonitorScenario(SimWorld world) : base(world, Shape)
    {
        _operator = world.AddHost("operator");
        _emptied = Mons[world.Prng.Below(Mons.Count)];
        _madeAgain = Mons.Count > 1 && world.Prng.Below(2) == 0;
    }

    public override string Describe() => $"{base.Describe()}; {_emptied.Host.Name} emptied{(_madeAgain ? " and made again" : "")}, {_ids.Count} ids";

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        Mons = draw.Shards == 1 ? 3 : 1,
        EmptyOneOsd = false,
        LossyFrames = false,
        Depth = 2,
    };

    protected override void MakeTrouble()
    {
        SimSeat seat = _operator.Start().Seats[0];
        seat.Do(() => WorkAsync(seat).Forget());
        Prng prng = World.Prng;
        long begin = prng.Between(Units.NanosPerSecond / 5, Draw.TroubleNanos / 2);
        World.Schedule(begin, Empty);
        if (Mons.Count == 1) { World.Schedule(begin + prng.Between(Units.NanosPerSecond / 10, Draw.TroubleNanos / 3), PutBack); }
        base.MakeTrouble();
    }

    protected override void Settle()
    {
        _workEnds = true;
        base.Settle();
        Require(_wrong.Length == 0, _wrong);
        if (Mons.Count > 1)
        {
            Require(_madeAgain || _emptied.HasRefused, $"{_emptied.Host.Name} started on an empty device");
            Require(_emptied.Server is not { IsLeader: true }, $"{_emptied.Host.Name} lost its device and leads");
        }
    }

    private void Empty()
    {
        if (_emptied.Host.IsRunning) { _emptied.Host.CutPower(); }
        _emptied.EmptyDevice(_madeAgain);
        Reached.Mark(Mons.Count == 1 ? "sim: only monitor with an empty device" : _madeAgain ? "sim: monitor made again" : "sim: monitor with an empty device");
        World.Schedule(World.Prng.Between(1, 1000) * Units.NanosPerMilli, () =>
        {
            if (!_emptied.Host.IsRunning) { _emptied.Start(); }
        });
    }

    private void PutBack()
    {
        Require(_emptied.Server == null, $"{_emptied.Host.Name} became a monitor with an empty device");
        if (_emptied.Host.IsRunning) { _emptied.Host.Kill(); }
        _emptied.PutDeviceBack();
        _emptied.Start();
    }

    /// <summary>Makes images, and deletes most of them, for as long as there is trouble.</summary>
    private async ReactorTask WorkAsync(SimSeat seat)
    {
        Prng prng = World.Prng;
        var mon = new MonClient(seat.Reactor, seat.Transport, ClientOptions(), prng.Fork());
        mon.Start();
        for (int number = 0; !_workEnds; number++)
        {
            string name = $"extra{number}";
            ControlReply made = await mon.RequestAsync(new ControlRequest
            {
                ImageCreate = new ImageCreateRequest { Pool = PoolName, Name = name, SizeBytes = Units.MiB },
            }, 5 * Units.NanosPerSecond);
            if (made.Status == ControlStatus.StatusOk && !_ids.Add(made.ImageCreateResult.Id))
            {
                _wrong = $"image id {made.ImageCreateResult.Id} was given twice";
            }
            await seat.Reactor.Delay(prng.Between(1, 200) * Units.NanosPerMilli);
            if (prng.Below(4) == 0) { continue; }
            _ = await mon.RequestAsync(new ControlRequest
            {
                ImageRemove = new ImageRemoveRequest { Pool = PoolName, Name = name },
            }, 5 * Units.NanosPerSecond);
        }
        mon.Stop();
    }
}
