using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Roles.Mon;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.Groups;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>A monitor's machine: `mon mkfs` at its first start, then the production MonServer.</summary>
internal sealed class MonNode : ISimNode
{
    private const ushort Port = 6789;
    private const long DiskBytes = 16 * Units.MiB;

    private readonly ClusterScenario _scenario;
    private readonly uint _id;
    private readonly SimDisk _disk;
    private byte[]?[]? _removed;
    private MonServer? _server;
    private bool _formatted;
    private string _wrong = "";

    public MonNode(ClusterScenario scenario, uint id)
    {
        _scenario = scenario;
        _id = id;
        Prng prng = scenario.World.Prng;
        Host = scenario.World.AddHost($"mon{id}", prng.Between(-scenario.Draw.DriftPpm, scenario.Draw.DriftPpm));
        _disk = Host.AddDisk(DiskBytes);
    }

    public SimHost Host { get; }
    public NetAddress Address => new(Host.Address, Port);

    /// <summary>Null while it does not run, or is no monitor.</summary>
    public MonServer? Server => Host.IsRunning ? _server : null;

    public void Start()
    {
        SimSeat seat = Host.Start().Seats[0];
        _server = null;
        _wrong = "";
        seat.Do(() => StartAsync(seat).Forget());
    }

    /// <summary>The disk was replaced by a new one; somebody may even run mkfs on it.</summary>
    public void EmptyDevice(bool formatAgain)
    {
        _removed = _disk.Replace();
        _formatted = !formatAgain;
    }

    /// <summary>The disk that was replaced is in again.</summary>
    public void PutDeviceBack()
    {
        _disk.PutBack(_removed!);
        _formatted = true;
    }

    /// <summary>It has refused to be a monitor with the device that it found.</summary>
    public bool HasRefused => Host.IsRunning && _wrong.Length > 0;

    public string Describe() => Server == null ? $"not started {_wrong}" : $"{(Server.IsLeader ? "leader" : "follower")} {_wrong}";

    private async ReactorTask StartAsync(SimSeat seat)
    {
        SimDiskPort port = _disk.Open(seat);
        if (!_formatted) { await MakeAsync(seat, port); }
        var server = new MonServer(Options(), seat.Reactor, seat.Transport, port,
            new Log(Host.Name, Host.Clock, new TraceLog(Host)));
        seat.Process.Own(server);
        string? wrong = await server.StartAsync();
        _wrong = wrong ?? "";
        if (wrong != null)
        {
            _scenario.Note(Host, wrong);
            return;
        }
        _server = server;
    }

    private MonOptions Options() => new()
    {
        OwnerTtlNanos = 3 * Units.NanosPerSecond,
        OsdOutAfterNanos = _scenario.Draw.OutAfterNanos,
        MaxRecoveries = _scenario.Draw.MaxRecoveries,
    };

    private async ReactorTask MakeAsync(SimSeat seat, SimDiskPort port)
    {
        VolumeResult made = await new MonMkfs
        {
            Cluster = _scenario.ClusterUuid,
            Id = new MonId(_id),
            Mons = _scenario.MonAddresses,
            Shards = _scenario.Draw.Shards,
            Store = GroupsScenario.NewGuid(_scenario.World.Prng),
            Force = true,
        }.RunAsync(seat.Reactor, port);
        if (made.Status != VolumeStatus.Ok) { throw new SimFailure($"{Host.Name}: mkfs: {made.Text}"); }
        _formatted = true;
    }
}
