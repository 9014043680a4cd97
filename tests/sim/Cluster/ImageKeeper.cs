using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>An operator who has one image to play with: cuts it, lets it grow, removes it and makes it anew, at random, and tells the
/// checkers when each began and when it is certain to be done everywhere.</summary>
internal sealed class ImageKeeper
{
    private readonly ImagesScenario _scenario;
    private readonly SimImage _image;
    private readonly SimHost _host;
    private MonClient _mon = null!;
    private bool _stopped;
    private string _doing = "nothing";
    private int _cuts, _grown, _removed;

    public ImageKeeper(ImagesScenario scenario, SimImage image)
    {
        _scenario = scenario;
        _image = image;
        _host = scenario.World.AddHost($"keeper-{image.Name}");
    }

    public bool IsDone { get; private set; }

    /// <summary>The image of the name that there is now.</summary>
    public ImageLife Life { get; private set; } = null!;

    public void Start()
    {
        SimSeat seat = _host.Start().Seats[0];
        seat.Do(() => RunAsync(seat).Forget());
    }

    /// <summary>Ends what it is at and lets the image be as large as it may.</summary>
    public void Stop() => _stopped = true;

    public override string ToString() => $"{_image.Name}: {_cuts} cuts, grew {_grown} times, {_removed} removed, now {_doing}";

    private async ReactorTask RunAsync(SimSeat seat)
    {
        Prng prng = _scenario.World.Prng;
        _mon = new MonClient(seat.Reactor, seat.Transport, _scenario.ClientOptions(), prng.Fork());
        _mon.Start();
        while (!_mon.IsMapReady) { await seat.Reactor.Delay(10 * Units.NanosPerMilli); }
        Life = _image.Life(Find()!.Id.Value);
        while (!_stopped)
        {
            await seat.Reactor.Delay(prng.Between(1, 600) * Units.NanosPerMilli);
            int what = prng.Below(10);
            if (what < 2) { await RemoveAsync(seat, prng); }
            else if (what < 6) { await CutAsync(seat, Size(prng, 1, Life.Sizes.Bytes - Units.SectorBytes)); }
            else { await GrowAsync(seat, Size(prng, Life.Sizes.Bytes + Units.SectorBytes, _image.MaxBytes)); }
        }
        await GrowAsync(seat, _image.MaxBytes);
        _doing = "done";
        _mon.Stop();
        IsDone = true;
    }

    /// <summary>Whole sectors; often whole blocks or objects.</summary>
    private long Size(Prng prng, long least, long most)
    {
        long unit = prng.Below(4) switch { 0 => Units.BlockBytes, 1 => _scenario.Draw.ObjectBytes, _ => Units.SectorBytes };
        return least > most ? 0 : Math.Clamp(prng.Between(least, most) / unit * unit, (least + Units.SectorBytes - 1) / Units.SectorBytes * Units.SectorBytes, most);
    }

    private async ReactorTask CutAsync(SimSeat seat, long bytes)
    {
        // One that nobody has owned yet is cut by the map alone, which others may be behind.
        if (bytes == 0 || Find() is not { OwnerGeneration: > 0 }) { return; }
        _doing = $"cutting to {bytes}";
        ImageLife life = Life;
        life.Sizes.Begin(_scenario.World.Now, bytes);
        ImageHistory.Cut cut = life.History.BeginCut(bytes / Units.SectorBytes);
        ControlReply reply = await InsistAsync(seat, Resize(bytes));
        _ = await _mon.WaitForEpochAsync(new Epoch(reply.Revision), long.MaxValue / 4);
        while (Find() is { IsShrinking: true }) { await seat.Reactor.Delay(5 * Units.NanosPerMilli); }
        life.Sizes.End(_scenario.World.Now);
        life.History.EndCut(cut);
        _cuts++;
        _doing = "nothing";
    }

    private async ReactorTask GrowAsync(SimSeat seat, long bytes)
    {
        if (bytes <= Life.Sizes.Bytes) { return; }
        _doing = $"growing to {bytes}";
        Life.Sizes.Begin(_scenario.World.Now, bytes);
        _ = await InsistAsync(seat, Resize(bytes));
        Life.Sizes.End(_scenario.World.Now);
        _grown++;
        _doing = "nothing";
    }

    /// <summary>The writers are told to let go; one that is dead holds it for its time to live.</summary>
    private async ReactorTask RemoveAsync(SimSeat seat, Prng prng)
    {
        _doing = "removing";
        _image.IsWanted = false;
        _ = await InsistAsync(seat, new ControlRequest
        {
            ImageRemove = new ImageRemoveRequest { Pool = ClusterScenario.PoolName, Name = _image.Name },
        }, ControlStatus.StatusNotFound);
        _removed++;
        _doing = "making";
        _image.NewBytes = Size(prng, Units.SectorBytes, _image.MaxBytes);
        ControlReply made = await InsistAsync(seat, new ControlRequest
        {
            ImageCreate = new ImageCreateRequest { Pool = ClusterScenario.PoolName, Name = _image.Name, SizeBytes = _image.NewBytes },
        }, ControlStatus.StatusExists);
        _ = await _mon.WaitForEpochAsync(new Epoch(made.Revision), long.MaxValue / 4);
        Life = _image.Life(Find()!.Id.Value);
        _image.IsWanted = true;
        _doing = "nothing";
    }

    private ImageInfo? Find() => _mon.Map.TryGetImage(ClusterScenario.PoolName, _image.Name, out ImageInfo? image) ? image : null;

    private ControlRequest Resize(long bytes) => new()
    {
        ImageResize = new ImageResizeRequest { Pool = ClusterScenario.PoolName, Name = _image.Name, SizeBytes = bytes, AllowShrink = true },
    };

    /// <summary>Asks until it is done.</summary>
    /// <param name="orAlready">What a repetition is answered after an answer that was lost.</param>
    private async ReactorTask<ControlReply> InsistAsync(SimSeat seat, ControlRequest request, ControlStatus orAlready = ControlStatus.StatusOk)
    {
        while (true)
        {
            ControlReply reply = await _mon.RequestAsync(request.Clone(), 5 * Units.NanosPerSecond);
            if (reply.Status is ControlStatus.StatusOk || reply.Status == orAlready) { return reply; }
            _scenario.Note(_host, $"{request.CommandCase}: {reply.Status} {reply.Text}");
            await seat.Reactor.Delay(100 * Units.NanosPerMilli);
        }
    }
}
