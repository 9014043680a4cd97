using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>The last client of a run: takes an image over and reads every sector that anybody touched, twice.</summary>
internal sealed class VerifyNode
{
    private const int Passes = 2;
    private const int ChunkSectors = 64;

    private readonly ClusterScenario _scenario;
    private readonly SimImage _image;

    public VerifyNode(ClusterScenario scenario, SimImage image)
    {
        _scenario = scenario;
        _image = image;
        Host = scenario.World.AddHost($"verify-{image.Name}");
    }

    public SimHost Host { get; }
    public bool IsDone { get; private set; }

    /// <summary>How far it is, for reports.</summary>
    public string State { get; private set; } = "not started";

    public void Start()
    {
        SimSeat seat = Host.Start().Seats[0];
        seat.Do(() => RunAsync(seat).Forget());
    }

    private async ReactorTask RunAsync(SimSeat seat)
    {
        MonClientOptions options = _scenario.ClientOptions();
        var mon = new MonClient(seat.Reactor, seat.Transport, options, _scenario.World.Prng.Fork());
        var authority = new MonImageAuthority(seat.Reactor, mon, options.Instance);
        mon.Start();
        ImageClient client;
        while (true)
        {
            client = new ImageClient(seat.Reactor, seat.Transport, authority, new ImageClientOptions { Instance = options.Instance }, _scenario.World.Prng.Fork());
            ImageOpenResult opened = await client.OpenAsync(ClusterScenario.PoolName, _image.Name, ImageOpenMode.TakeOver, "verify", 30 * Units.NanosPerSecond);
            if (opened.IsOk) { break; }
            State = $"open: {opened.Status} {opened.Text}";
            await seat.Reactor.Delay(100 * Units.NanosPerMilli);
        }
        ImageLife life = _image.Life(client.ImageId.Value);
        int opening = life.OnOpened(client.Generation);
        var work = new ImageWorkload(_scenario, life, seat, client, opening);
        for (int pass = 0; pass < Passes; pass++)
        {
            foreach ((long first, int sectors) in Chunks(life.History))
            {
                State = $"pass {pass}, sector {first}";
                _ = work.TryRead(first, sectors);
                while (work.UnderWay >= 8) { await seat.Reactor.Delay(Units.NanosPerMilli); }
            }
            while (work.UnderWay > 0) { await seat.Reactor.Delay(Units.NanosPerMilli); }
        }
        State = "closing";
        await client.CloseAsync();
        mon.Stop();
        IsDone = true;
    }

    /// <summary>Ranges that cover the touched sectors.</summary>
    private static List<(long First, int Sectors)> Chunks(ImageHistory history)
    {
        var chunks = new List<(long First, int Sectors)>();
        foreach (long sector in history.Touched)
        {
            if (chunks.Count > 0)
            {
                (long first, int sectors) = chunks[^1];
                if (sector < first + ChunkSectors)
                {
                    chunks[^1] = (first, (int)(sector - first) + 1);
                    continue;
                }
            }
            chunks.Add((sector, 1));
        }
        return chunks;
    }
}
