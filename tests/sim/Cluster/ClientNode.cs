using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>A client machine with one image: opens it, works on it, loses it to another client, opens it again, for ever.</summary>
internal sealed class ClientNode : ISimNode
{
    private readonly ClusterScenario _scenario;
    private readonly SimImage _image;
    private readonly bool _isReader;
    private ImageLife? _life;
    private ImageWorkload? _work;
    private int _opening;
    private bool _stopped;

    public ClientNode(ClusterScenario scenario, int number, SimImage image, bool isReader)
    {
        _scenario = scenario;
        _image = image;
        _isReader = isReader;
        Prng prng = scenario.World.Prng;
        Host = scenario.World.AddHost($"client{number}", prng.Between(-scenario.Draw.DriftPpm, scenario.Draw.DriftPpm));
    }

    public SimHost Host { get; }

    /// <summary>I/Os that ended, over all openings and lives.</summary>
    public long Completed => _ended + (_work?.Completed ?? 0);

    private long _ended;

    /// <summary>Has ended its work: nothing under way, image closed.</summary>
    public bool IsAtRest { get; private set; } = true;

    public ImageWorkload? Work => Host.IsRunning ? _work : null;

    public void Start()
    {
        SimSeat seat = Host.Start().Seats[0];
        _work = null;
        IsAtRest = false;
        seat.Do(() => RunAsync(seat).Forget());
    }

    /// <summary>The process dies: what it had under way may still happen until somebody else owns the image.</summary>
    public void Kill()
    {
        if (!Host.IsRunning) { return; }
        Count();
        _life?.History.ForgetReads(_opening);
        Host.Kill();
        _work = null;
        IsAtRest = true;
    }

    /// <summary>Ends the work: everything under way is waited for, then the image is closed.</summary>
    public void Stop() => _stopped = true;

    private async ReactorTask RunAsync(SimSeat seat)
    {
        Prng prng = _scenario.World.Prng;
        MonClientOptions options = _scenario.ClientOptions();
        var mon = new MonClient(seat.Reactor, seat.Transport, options, prng.Fork());
        var authority = new MonImageAuthority(seat.Reactor, mon, options.Instance);
        mon.Start();
        bool first = true;
        while (!_stopped)
        {
            if (!_isReader && !_image.IsWanted)
            {
                await seat.Reactor.Delay(50 * Units.NanosPerMilli);
                continue;
            }
            ImageOpenMode mode = _isReader ? ImageOpenMode.ReadOnly
                : first && prng.Below(2) == 0 && Host.Incarnation == 1 ? ImageOpenMode.Write : ImageOpenMode.TakeOver;
            first = false;
            var client = new ImageClient(seat.Reactor, seat.Transport, authority, new ImageClientOptions { Instance = options.Instance, MaxRequests = 256 }, prng.Fork());
            ImageOpenResult opened = await client.OpenAsync(ClusterScenario.PoolName, _image.Name, mode, Host.Name, 30 * Units.NanosPerSecond);
            if (!opened.IsOk)
            {
                _scenario.Note(Host, $"open {_image.Name}: {opened.Status} {opened.Text}");
                await seat.Reactor.Delay(prng.Between(10, 300) * Units.NanosPerMilli);
                continue;
            }
            await UseAsync(seat, client);
            await seat.Reactor.Delay(prng.Between(1, 2 * 1000) * Units.NanosPerMilli);
        }
        mon.Stop();
        IsAtRest = true;
    }

    private async ReactorTask UseAsync(SimSeat seat, ImageClient client)
    {
        Prng prng = _scenario.World.Prng;
        _life = _image.Life(client.ImageId.Value);
        _opening = _life.OnOpened(_isReader ? 0 : client.Generation);
        _scenario.Note(Host, $"opened {_image.Name}, id {_life.Id}, as {_opening}, generation {client.Generation}");
        _work = new ImageWorkload(_scenario, _life, seat, client, _opening);
        long until = _scenario.Draw.TakeOverPerMillion == 0 ? long.MaxValue : seat.Reactor.NowNanos + (prng.Between(500, 5000) * Units.NanosPerMilli);
        while (!_stopped && !_work.IsFenced && (_isReader || _image.IsWanted) && seat.Reactor.NowNanos < until)
        {
            _work.Fill();
            await seat.Reactor.Delay(prng.Between(1, _scenario.Draw.PauseMillis) * Units.NanosPerMilli);
        }
        _work.Stop();
        while (_work.UnderWay > 0) { await seat.Reactor.Delay(5 * Units.NanosPerMilli); }
        Count();
        await client.CloseAsync();
    }

    private void Count()
    {
        _ended += _work?.Completed ?? 0;
        _work = null;
    }
}
