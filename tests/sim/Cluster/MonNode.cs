using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;
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
    private readonly SimDisk _disk;
    private byte[]?[]? _removed;
    private MonServer? _server;
    private bool _formatted;
    private string _wrong = "";
    private MonMkfs? _joins;

    /// <param name="isSpare">No monitor, until it is registered as one.</param>
    public MonNode(ClusterScenario scenario, uint id, bool isSpare)
    {
        _scenario = scenario;
        Id = id;
        IsSpare = isSpare;
        Prng prng = scenario.World.Prng;
        Host = scenario.World.AddHost($"mon{id}", prng.Between(-scenario.Draw.DriftPpm, scenario.Draw.DriftPpm));
        _disk = Host.AddDisk(DiskBytes);
    }

    public SimHost Host { get; }

    /// <summary>As a monitor.</summary>
    public uint Id { get; private set; }

    /// <summary>Nobody has made it a monitor yet.</summary>
    public bool IsSpare { get; private set; }

    /// <summary>Somebody has asked for its removal.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>It has ended because it is no monitor any more.</summary>
    public bool IsRemoved { get; private set; }

    public NetAddress Address => new(Host.Address, Port);

    /// <summary>Null while it does not run, or is no monitor.</summary>
    public MonServer? Server => Host.IsRunning ? _server : null;

    public void Start()
    {
        SimSeat seat = Host.Start().Seats[0];
        _server = null;
        _wrong = "";
        if (IsSpare) { return; }
        seat.Do(() => StartAsync(seat).Forget());
    }

    /// <summary>`mon add`, with the answer that it got: a new disk becomes the store of a new monitor.</summary>
    public void Register(ControlReply reply, Guid store)
    {
        MonAddResult added = reply.MonAddResult;
        _joins = new MonMkfs
        {
            Cluster = _scenario.ClusterUuid,
            Id = new MonId(added.Id),
            Joins = [.. added.Mons.Select(record => MonInfo.TryRead(record, out MonInfo? mon) ? mon : throw new SimFailure("a monitor's record"))],
            JoinsRevision = reply.Revision,
            Shards = (int)added.Shards,
            Store = store,
            Force = true,
        };
        if (Host.IsRunning) { Host.CutPower(); }
        _removed = _disk.Replace();
        _formatted = false;
        (Id, IsSpare, IsLeaving, IsRemoved) = (added.Id, false, false, false);
    }

    public void Restart()
    {
        if (Host.IsRunning) { Host.Kill(); }
        Start();
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
            new Log(Host.Name, Host.Clock, new TraceLog(Host)))
        {
            OnRemoved = text => OnRemoved(seat.Process, text),
        };
        seat.Process.Own(server);
        string? wrong = await server.StartAsync();
        _wrong = wrong ?? "";
        if (wrong != null)
        {
            // Its process may have been killed between noting that and ending.
            IsRemoved |= wrong.Contains("has been removed", StringComparison.Ordinal);
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
        VolumeResult made = await (_joins ?? new MonMkfs
        {
            Cluster = _scenario.ClusterUuid,
            Id = new MonId(Id),
            Mons = _scenario.MonAddresses,
            Shards = _scenario.Draw.Shards,
            Store = GroupsScenario.NewGuid(_scenario.World.Prng),
            Force = true,
        }).RunAsync(seat.Reactor, port);
        if (made.Status != VolumeStatus.Ok) { throw new SimFailure($"{Host.Name}: mkfs: {made.Text}"); }
        _formatted = true;
    }

    /// <summary>The process ends, a moment later.</summary>
    private void OnRemoved(SimProcess process, string text)
    {
        _wrong = text;
        IsRemoved = true;
        _scenario.Note(Host, text);
        _scenario.World.Schedule(1, () =>
        {
            if (Host.Process == process) { Host.Kill(); }
        });
    }
}
