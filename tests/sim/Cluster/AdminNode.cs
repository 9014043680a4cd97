using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>An operator's machine: sends commands to the monitors and waits for the answers.</summary>
internal sealed class AdminNode(ClusterScenario scenario)
{
    private readonly SimHost _host = scenario.World.AddHost("admin");
    private MonClient? _mon;
    private SimSeat? _seat;

    public void Start()
    {
        _seat = _host.Start().Seats[0];
        _mon = new MonClient(_seat.Reactor, _seat.Transport, scenario.ClientOptions(), scenario.World.Prng.Fork());
        _seat.Do(_mon.Start);
    }

    /// <summary>A command that must succeed, if need be after a while (OSDs have to come up first).</summary>
    public ControlReply Command(string what, ControlRequest request)
    {
        ControlReply? reply = null;
        for (int i = 0; i < 60; i++)
        {
            reply = null;
            _seat!.Do(() => RunAsync().Forget());
            _ = scenario.World.RunUntil(() => reply != null, 60 * Units.NanosPerSecond);
            if (reply is { Status: ControlStatus.StatusOk }) { return reply; }
            scenario.World.RunFor(500 * Units.NanosPerMilli);
        }
        throw new SimFailure($"{what}: {reply?.Status} {reply?.Text}");

        async ReactorTask RunAsync() => reply = await _mon!.RequestAsync(request.Clone(), 30 * Units.NanosPerSecond);
    }

    public void Stop()
    {
        _seat!.Do(_mon!.Stop);
        scenario.World.RunFor(100 * Units.NanosPerMilli);
        _host.EndOrderly();
    }
}
