using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.Groups;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.Network;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>A whole cluster of production monitors, OSDs and clients: random I/O on small images with every sector stamped,
/// while machines die, links are cut and images change hands; then all heals, and everything must be there, readable, and
/// equal on all replicas.</summary>
internal partial class ClusterScenario : Scenario
{
    public const string PoolName = "vol";

    private readonly List<MonNode> _mons = [];
    private readonly List<OsdNode> _osds = [];
    private readonly List<ClientNode> _clients = [];
    private readonly List<SimImage> _images = [];
    private readonly NemesisPlan _plan;
    private Nemesis? _nemesis;
    private long _nextWrite = 1;

    public ClusterScenario(SimWorld world) : this(world, draw => draw) { }

    /// <param name="shape">Bends what the seed drew.</param>
    public ClusterScenario(SimWorld world, Func<ClusterDraw, ClusterDraw> shape) : base(world)
    {
        Draw = shape(ClusterDraw.Draw(world.Prng));
        _plan = NemesisPlan.Draw(world.Prng, maxDown: 1);
        if (world.TroubleSeconds > 0)
        {
            Draw = Draw.ForLong(world.TroubleSeconds);
            _plan = _plan.ForLong(world.Prng);
        }
        ClusterUuid = GroupsScenario.NewGuid(world.Prng);
        for (int i = 0; i < Draw.Mons + Draw.SpareMons; i++) { _mons.Add(new MonNode(this, (uint)i, isSpare: i >= Draw.Mons)); }
        for (int i = 0; i < Draw.Osds; i++) { _osds.Add(new OsdNode(this, i)); }
    }

    public ClusterDraw Draw { get; }
    public Guid ClusterUuid { get; }
    public IReadOnlyList<MonNode> Mons => _mons;
    public IReadOnlyList<OsdNode> Osds => _osds;
    public IReadOnlyList<SimImage> Images => _images;
    public IReadOnlyList<ClientNode> Clients => _clients;

    /// <summary>No image is removed under its clients.</summary>
    public virtual bool KeepsImages => true;

    /// <summary>One in so many I/Os goes beyond the end of its image; 0 = none.</summary>
    public virtual int BeyondEvery => 0;

    /// <summary>Some replica's medium is damaged: an I/O error is a true answer, wrong data never is.</summary>
    public bool MayReadFail { get; protected set; }

    /// <summary>Share of discards and writes of zeros in what is not read.</summary>
    public virtual int ZeroPercent => Draw.ZeroPercent;

    /// <summary>Length of a discard or write of zeros.</summary>
    public virtual int ZeroSectors(int drawn) => drawn;

    /// <summary>See OsdOptions; 0 = no scrubs.</summary>
    public virtual long ScrubIntervalNanos => 0;

    /// <summary>It stays down from now on.</summary>
    public virtual bool IsRetired(OsdNode osd) => false;

    /// <summary>Of the founders: what is in everybody's settings.</summary>
    public IReadOnlyList<NetAddress> MonAddresses => Addresses(_mons[..Draw.Mons]);

    private static List<NetAddress> Addresses(List<MonNode> mons)
    {
        var addresses = new List<NetAddress>();
        foreach (MonNode mon in mons) { addresses.Add(mon.Address); }
        return addresses;
    }

    public override long Operations
    {
        get
        {
            long completed = 0;
            foreach (ClientNode client in _clients) { completed += client.Completed; }
            return completed;
        }
    }

    public override long Faults => _nemesis?.Count ?? 0;

    public override string Describe() => $"{Draw} {_plan}; {Operations} I/Os, {_nextWrite - 1} writes, {Faults} troubles";

    public long NextWrite() => _nextWrite++;

    public void Note(SimHost host, string text) => World.Trace.Add(World.Now, host.Name, TraceKind.Note, text: text);

    public MonClientOptions ClientOptions() => new()
    {
        Mons = Addresses(_mons), // a client that starts anew has been told of all of them
        Instance = GroupsScenario.NewGuid(World.Prng),
        Cluster = ClusterUuid,
    };

    /// <summary>The middle of a place that I/O crowds around.</summary>
    public virtual long HotSpot(ImageHistory image, int spot)
    {
        // The first object border, the start, the end, and one in the middle of things.
        long border = Draw.ObjectBytes / Units.SectorBytes;
        return (spot % 4) switch
        {
            0 => Math.Min(border, image.SectorCount / 2),
            1 => 0,
            2 => image.SectorCount - 1,
            _ => image.SectorCount / 3,
        };
    }

    public override void Run()
    {
        Build();
        BeginWork();
        MakeTrouble();
        foreach (MonNode mon in _mons)
        {
            if (!mon.Host.IsRunning) { mon.Start(); }
        }
        World.RunFor(Units.NanosPerSecond);
        Settle();
    }

    /// <summary>From a healthy cluster at work to one in which nothing is broken any more, however much was in between.</summary>
    protected virtual void MakeTrouble()
    {
        var nodes = new List<ISimNode>(_osds);
        if (Draw.Mons > 1 || World.Prng.Below(2) == 0) { nodes.AddRange(_mons); }
        _nemesis = new Nemesis(World, nodes, _plan);
        BeginFaults();
        _nemesis.Begin();
        if (World.TroubleSeconds > 0) { ScheduleRareTrouble(); }
        if (Draw.EmptyOneOsd && Draw.Replicas > 1) { World.Schedule(World.Prng.Between(1, Draw.TroubleNanos / 2), EmptyOneOsd); }
        World.RunFor(Draw.TroubleNanos);
        _nemesis.HealAll();
    }

    /// <summary>A healthy cluster with its pool and images.</summary>
    private void Build()
    {
        foreach (MonNode mon in _mons) { mon.Start(); }
        foreach (OsdNode osd in _osds) { osd.Start(); }
        var admin = new AdminNode(this);
        admin.Start();
        Await("OSDs up", () => AllOsds(osd => osd.IsStarted), 30 * Units.NanosPerSecond);
        _ = admin.Command("pool create", new ControlRequest
        {
            PoolCreate = new PoolCreateRequest { Name = PoolName, Replicas = Draw.Replicas, PgCount = Draw.PgCount, ObjectBytes = Draw.ObjectBytes },
        });
        for (int i = 0; i < Draw.Images; i++)
        {
            string name = $"image{i}";
            ControlReply made = admin.Command("image create", new ControlRequest
            {
                ImageCreate = new ImageCreateRequest { Pool = PoolName, Name = name, SizeBytes = Draw.ImageBytes },
            });
            var image = new SimImage(name, Draw.ImageBytes);
            _ = image.Life(made.ImageCreateResult.Id);
            _images.Add(image);
        }
        admin.Stop();
    }

    private void BeginWork()
    {
        int number = 0;
        foreach (SimImage image in _images)
        {
            _clients.Add(new ClientNode(this, number++, image, isReader: false));
            if (Draw.TakeOverPerMillion > 0) { _clients.Add(new ClientNode(this, number++, image, isReader: false)); }
            if (World.Prng.Below(2) == 0) { _clients.Add(new ClientNode(this, number++, image, isReader: true)); }
        }
        foreach (ClientNode client in _clients) { client.Start(); }
        if (Draw.KillClients) { ScheduleClientKill(); }
        World.RunFor(Units.NanosPerSecond);
    }

    private void ScheduleClientKill() => World.Schedule(World.Prng.Between(500, 6000) * Units.NanosPerMilli, () =>
    {
        if (_stopped) { return; }
        ClientNode client = _clients[World.Prng.Below(_clients.Count)];
        client.Kill();
        World.Schedule(World.Prng.Between(1, 1000) * Units.NanosPerMilli, () =>
        {
            if (!client.Host.IsRunning) { client.Start(); }
        });
        ScheduleClientKill();
    });

    private void BeginFaults()
    {
        Prng prng = World.Prng;
        World.StallPerMillion = Draw.StallPerMillion;
        World.Network.Faults = new NetFaults
        {
            LatePerMillion = prng.Below(2) == 0 ? 0 : prng.Below(3_000),
            ResetPerMillion = prng.Below(2) == 0 ? 0 : prng.Below(1_000),
            WindowBytes = prng.Below(2) == 0 ? 256 * 1024 : 16 * 1024,
            SendQueueBytes = prng.Below(2) == 0 ? NetLimits.MaxSendQueueBytes : 256 * 1024,
            FrameLossPerMillion = Draw.LossyFrames ? prng.Below(10_000) : 0,
            FrameDoublePerMillion = Draw.LossyFrames ? prng.Below(10_000) : 0,
            FrameOvertakenPerMillion = Draw.LossyFrames ? prng.Below(10_000) : 0,
        };
    }

    /// <summary>It belongs to the cluster from now on.</summary>
    protected void AddOsd(OsdNode osd) => _osds.Add(osd);

    /// <summary>Of long runs: all monitors are gone for a while, or somebody sets a machine's wall clock.</summary>
    private void ScheduleRareTrouble() => World.Schedule(World.Prng.Between(5, 60) * Units.NanosPerSecond, () =>
    {
        if (_nemesis!.IsOver) { return; }
        ScheduleRareTrouble();
        SimHost host = World.Hosts[World.Prng.Below(World.Hosts.Count)];
        host.Clock.JumpWall(World.Prng.Between(-100_000_000, 100_000_000));
        if (World.Prng.Below(2) == 0) { return; }
        Reached.Mark("sim: all monitors away");
        foreach (MonNode mon in _mons)
        {
            if (!mon.Host.IsRunning) { continue; }
            if (World.Prng.Below(2) == 0) { mon.Host.Kill(); } else { mon.Host.CutPower(); }
            World.Schedule(World.Prng.Between(1, 10_000) * Units.NanosPerMilli, () =>
            {
                if (!mon.Host.IsRunning) { mon.Start(); }
            });
        }
    });

    private void EmptyOneOsd()
    {
        OsdNode osd = _osds[World.Prng.Below(_osds.Count)];
        if (osd.Host.IsRunning) { osd.Host.CutPower(); }
        osd.EmptyDevice(sameUuid: World.Prng.Below(2) == 0);
        World.Schedule(World.Prng.Between(1, 2000) * Units.NanosPerMilli, () =>
        {
            if (!osd.Host.IsRunning) { osd.Start(); }
        });
    }
}
