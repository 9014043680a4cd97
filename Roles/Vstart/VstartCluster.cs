using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary>One run of `fastblock vstart`, from an empty or known folder to a cluster in the foreground: monitors, OSDs, pool
/// and image, a verified benchmark, the NBD export, then waiting for Ctrl-C. Every step first looks whether it is done
/// already, so the same sequence repairs a cluster of which a part has died.</summary>
internal sealed class VstartCluster : IDisposable
{
    private const string PoolName = "vol";
    private const string ImageName = "demo";
    private const string ScratchName = "vstart-bench";

    /// <summary>Until the monitors answer, all OSDs are up, all PGs have leaders.</summary>
    private static readonly TimeSpan StepTimeMax = TimeSpan.FromSeconds(60);

    private readonly VstartOptions _options;
    private readonly VstartDirectory _directory;
    private readonly VstartServers _servers;
    private readonly ManualResetEventSlim _stop = new();
    private VstartSettings _settings = new();
    private FastblockConfig _config = new();

    public VstartCluster(VstartOptions options)
    {
        _options = options;
        _directory = new VstartDirectory(options.Directory);
        _servers = new VstartServers(_directory);
    }

    private IReadOnlyList<string> Mons => _settings.MonAddresses;

    private string MonList => string.Join(",", Mons);

    public void Dispose() => _stop.Dispose();

    public ExitCode Run()
    {
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        int nbdPort = ChooseNbdPort();
        _directory.Create();
        PrepareSettings();
        bool hadServers = _directory.Servers().Exists(_servers.IsRunning);
        try
        {
            Start(nbdPort);
        }
        catch (OperatorException) when (!hadServers)
        {
            _ = _servers.StopAll(); // a half-started cluster of ours helps nobody; its folder and logs stay
            throw;
        }
        if (_stop.IsSet) { return StopCleanly(); }
        if (_options.Detach)
        {
            Say($"the cluster goes on in the background; end it with: fastblock vstart stop --dir {_options.Directory}");
            return ExitCode.Ok;
        }
        Say("Ctrl-C stops the cluster.");
        while (!_stop.Wait(200))
        {
            if (_servers.ReportDeaths()) { Say($"start what is missing with: fastblock vstart --detach --no-bench --dir {_options.Directory}"); }
        }
        return StopCleanly();
    }

    private void Start(int nbdPort)
    {
        StartMons();
        StartOsds();
        if (_stop.IsSet) { return; }
        MakePoolAndImage();
        WaitForCleanPgs();
        if (!_options.NoBench && !_stop.IsSet) { Bench(); }
        if (_stop.IsSet) { return; }
        nbdPort = StartNbd(nbdPort);
        _ = VstartServers.CommandInForeground("status", "--mon", MonList);
        ShowHowToConnect(nbdPort);
    }

    private ExitCode StopCleanly()
    {
        Say("stopping");
        int stopped = _servers.StopAll();
        Say($"{stopped} servers stopped; the data stays in {_directory.Root}");
        return ExitCode.Ok;
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (_stop.IsSet) { return; } // the second one ends us at once
        context.Cancel = true;
        _stop.Set();
    }

    /// <summary>A busy port is told before anything is started.</summary>
    private int ChooseNbdPort()
    {
        if (_servers.IsRunning("nbd")) { return _options.NbdPort; }
        // Any free one is chosen when the export starts: by then the monitors have taken theirs.
        return _options.NbdPort == 0 || FreePorts.IsFree(_options.NbdPort) ? _options.NbdPort
            : throw new OperatorException(ExitCode.WrongState, $"port {_options.NbdPort} of 127.0.0.1 is in use (another NBD server or "
                + "vstart?): stop that, or choose another with --nbd-port");
    }

    private void PrepareSettings()
    {
        if (_directory.HasCluster)
        {
            _settings = VstartSettings.Load(_directory.Settings);
            bool runs = _directory.Servers().Exists(_servers.IsRunning);
            if (_settings.InMemory && !runs)
            {
                Say("this cluster had its data in memory, which is gone: making a new one");
                _directory.Wipe();
            }
            else
            {
                CheckUnchanged();
                if (_options.Osds > _settings.Osds) { _settings = _settings with { Osds = (int)_options.Osds }; }
            }
        }
        if (!_directory.HasCluster) { _settings = NewSettings(); }
        _settings.Save(_directory.Settings);
        File.WriteAllText(_directory.Config, $"""
            # Written by 'fastblock vstart', for: fastblock --config {_directory.Config} status
            [cluster]
            mons = ["{string.Join("\", \"", Mons)}"]

            """);
        _config = ConfigReader.Load(_directory.Config);
    }

    private VstartSettings NewSettings()
    {
        int osds = _options.Osds ?? VstartOptions.OsdsDefault;
        bool inMemory = _options.InMemory ?? false;
        List<string> mons = [];
        int port = CommonOptions.MonPortDefault;
        for (int i = 0; i < (_options.Mons ?? VstartOptions.MonsDefault); i++)
        {
            int taken = FreePorts.Take(port);
            mons.Add($"127.0.0.1:{taken}");
            port = taken + 1;
        }
        return new VstartSettings
        {
            Osds = osds,
            Replicas = _options.Replicas ?? (osds >= VstartOptions.ReplicasDefault ? VstartOptions.ReplicasDefault : 1),
            Pgs = _options.Pgs ?? VstartOptions.PgsDefault,
            Shards = _options.Shards ?? 1,
            SizeBytes = _options.SizeBytes ?? (4 * Units.GiB),
            InMemory = inMemory,
            MonAddresses = mons,
        };
    }

    /// <summary>What is fixed when a cluster is made cannot be asked for differently later.</summary>
    private void CheckUnchanged()
    {
        string? whyNot = _options.Mons is int mons && mons != Mons.Count ? $"it has {Mons.Count} monitors, not {mons}"
            : _options.Osds < _settings.Osds ? $"it has {_settings.Osds} OSDs; they cannot become fewer"
            : _options.Replicas is int replicas && replicas != _settings.Replicas ? $"pool {PoolName} has {_settings.Replicas} replicas, not {replicas}"
            : _options.Shards is int shards && shards != _settings.Shards ? $"its OSDs have {_settings.Shards} shards, not {shards}"
            : _options.Pgs is int pgs && pgs != _settings.Pgs ? $"pool {PoolName} has {_settings.Pgs} PGs, not {pgs}"
            : _options.InMemory is bool inMemory && inMemory != _settings.InMemory ? $"its devices are {(_settings.InMemory ? "in memory" : "files")}"
            : null;
        if (whyNot is not null) { throw new OperatorException(ExitCode.WrongState, $"the cluster in {_directory.Root} cannot be changed: {whyNot}"); }
    }

    private void StartMons()
    {
        for (int id = 0; id < Mons.Count; id++)
        {
            string server = $"mon.{id}";
            if (!File.Exists(_directory.MonDevice(id)))
            {
                VstartServers.Run(server, "mon", "mkfs", "--device", _directory.MonDevice(id), "--id", Text(id), "--mons", MonList,
                    "--cluster", ClusterUuid(), "--shards", Text(_settings.Shards));
            }
            if (_servers.Ensure(server, "mon", "--device", _directory.MonDevice(id), "--config", _directory.Config)) { Say($"{server} started at {Mons[id]}"); }
        }
        WaitFor("the monitors to answer", status => status is not null);
    }

    /// <summary>All monitors of a cluster are made with the same uuid.</summary>
    private string ClusterUuid()
    {
        string path = Path.Combine(_directory.Root, "cluster.uuid");
        if (!File.Exists(path)) { File.WriteAllText(path, Guid.NewGuid().ToString()); }
        return File.ReadAllText(path).Trim();
    }

    private void StartOsds()
    {
        int cores = Environment.ProcessorCount;
        for (int index = 0; index < _settings.Osds; index++)
        {
            string server = $"osd.{index}";
            string device = _settings.InMemory ? $"mem:{SizeText.FormatExact(_settings.SizeBytes)}" : _directory.OsdDevice(index);
            if (_servers.IsRunning(server)) { continue; }
            if (_settings.InMemory && _directory.ProcessOf(server).Pid > 0)
            {
                Say($"{server} had its data in memory and is gone for good; stop the cluster and start it again to get a new one");
                continue;
            }
            if (!_settings.InMemory && !File.Exists(device))
            {
                VstartServers.Run(server, "osd", "mkfs", "--device", device, "--size", SizeText.FormatExact(_settings.SizeBytes), "--mon", MonList);
            }
            // One reactor each, spread over the cores; where there are more OSDs than cores they share them.
            string mask = "0x" + (1UL << (index % Math.Min(cores, 64))).ToString("x", CultureInfo.InvariantCulture);
            _ = _servers.Ensure(server, "osd", "--device", device, "--core-mask", mask, "--config", _directory.Config);
            Say($"{server} started on {device}");
        }
        WaitFor("all OSDs to be up", status => status is not null && status.OsdsUp >= AliveOsds());
    }

    private uint AliveOsds()
    {
        uint alive = 0;
        for (int index = 0; index < _settings.Osds; index++) { alive += _servers.IsRunning($"osd.{index}") ? 1u : 0; }
        return alive;
    }

    private void MakePoolAndImage()
    {
        Ensure(new ControlRequest
        {
            PoolCreate = new PoolCreateRequest
            {
                Name = PoolName,
                Replicas = (uint)_settings.Replicas,
                PgCount = (uint)_settings.Pgs,
                FailureDomain = FailureDomainKind.FailureDomainOsd, // all of them are on this one host
            },
        }, $"pool {PoolName} made: {_settings.Replicas} replicas, {_settings.Pgs} PGs");
        Ensure(new ControlRequest
        {
            ImageCreate = new ImageCreateRequest { Pool = PoolName, Name = ImageName, SizeBytes = ImageBytes() },
        }, $"image {PoolName}/{ImageName} made: {SizeText.Format(ImageBytes())}");
    }

    /// <summary>Half of what the pool can hold, whole MiB, at most 8 GiB.</summary>
    private long ImageBytes() =>
        Math.Clamp(_settings.SizeBytes * _settings.Osds / _settings.Replicas / 2 / Units.MiB, 1, 8192) * Units.MiB;

    private void WaitForCleanPgs() =>
        WaitFor("all PGs to have a leader", status => status is not null && status.Pgs > 0 && status.PgsActive == status.Pgs);

    private void Bench()
    {
        string scratch = $"{PoolName}/{ScratchName}";
        long bytes = Math.Min(ImageBytes() / 4, 256 * Units.MiB);
        Ensure(new ControlRequest { ImageCreate = new ImageCreateRequest { Pool = PoolName, Name = ScratchName, SizeBytes = bytes } }, null);
        Say($"writing and verifying random 4 KiB blocks for 5 seconds on a scratch image of {SizeText.Format(bytes)}");
        int code = VstartServers.CommandInForeground("bench", "rw", scratch, "--rw", "randwrite", "--bs", "4k", "--qd", "32",
            "--time", "5", "--verify", "--mon", MonList);
        Ask(new ControlRequest { ImageRemove = new ImageRemoveRequest { Pool = PoolName, Name = ScratchName } });
        if (code != 0) { throw new OperatorException((ExitCode)code, "the benchmark failed; the cluster does not work as it should"); }
    }

    /// <returns>The port that it listens on.</returns>
    private int StartNbd(int port)
    {
        if (_servers.IsRunning("nbd")) { return _settings.NbdPort; }
        if (port == 0) { port = FreePorts.Take(_settings.NbdPort); }
        File.Delete(_directory.NbdSocket);
        // An owner that died without saying so is fenced: this export is the only writer that vstart knows of.
        _ = _servers.Ensure("nbd", "nbd", $"{PoolName}/{ImageName}", "--listen", $"127.0.0.1:{port}", "--listen", _directory.NbdSocket,
            "--take-over", "--config", _directory.Config);
        Wait("the NBD export", () => !FreePorts.IsFree(port) && File.Exists(_directory.NbdSocket));
        _settings = _settings with { NbdPort = port };
        _settings.Save(_directory.Settings);
        return port;
    }

    private void ShowHowToConnect(int port)
    {
        Console.Out.WriteLine($"""

            NBD export {PoolName}/{ImageName}:
              nbdinfo nbd://127.0.0.1:{port}/{PoolName}/{ImageName}
              nbdinfo 'nbd+unix:///{PoolName}/{ImageName}?socket={_directory.NbdSocket}'
              qemu-img info nbd://127.0.0.1:{port}/{PoolName}/{ImageName}
              sudo nbd-client -N {PoolName}/{ImageName} 127.0.0.1 {port} /dev/nbd0
            command line:
              fastblock --config {_directory.Config} status
            logs and pid files: {_directory.Root}/logs, {_directory.Root}/pids

            """);
        Console.Out.Flush();
    }

    /// <summary>A command that makes something; that it exists already is fine.</summary>
    private void Ensure(ControlRequest request, string? said)
    {
        ControlReply reply = Ask(request);
        if (reply.Status is ControlStatus.StatusExists) { return; }
        ClusterSession.Require(reply, "vstart");
        if (said is not null) { Say(said); }
    }

    private ControlReply Ask(ControlRequest request)
    {
        ControlReply reply = new();
        _ = ClusterSession.Run(_config, json: false, StepTimeMax, async session =>
        {
            reply = await session.Mon.RequestAsync(request, session.LeftNanos);
            return ExitCode.Ok;
        });
        return reply;
    }

    /// <summary>Waits until the cluster's status is as wanted; asks again and again, null while nobody answers.</summary>
    private void WaitFor(string what, Predicate<StatusResult?> reached)
    {
        _ = ClusterSession.Run(_config, json: false, StepTimeMax, async session =>
        {
            long deadline = session.Reactor.NowNanos + ((long)StepTimeMax.TotalSeconds * Units.NanosPerSecond);
            while (!_stop.IsSet)
            {
                ControlReply reply = await session.Mon.RequestAsync(new ControlRequest { Status = new StatusRequest() }, Units.NanosPerSecond);
                if (reached(reply.Status is ControlStatus.StatusOk ? reply.StatusResult : null)) { return ExitCode.Ok; }
                RequireServers();
                if (session.Reactor.NowNanos > deadline) { throw TimedOut(what); }
                await session.Reactor.Delay(20 * Units.NanosPerMilli);
            }
            return ExitCode.Ok;
        });
    }

    private void Wait(string what, Func<bool> reached)
    {
        long deadline = Environment.TickCount64 + (long)StepTimeMax.TotalMilliseconds;
        while (!reached() && !_stop.IsSet)
        {
            RequireServers();
            if (Environment.TickCount64 > deadline) { throw TimedOut(what); }
            _ = _stop.Wait(10);
        }
    }

    private void RequireServers()
    {
        if (_servers.ReportDeaths()) { throw new OperatorException(ExitCode.Failed, "a server that vstart needs has ended"); }
    }

    private OperatorException TimedOut(string what) =>
        new(ExitCode.Timeout, $"gave up after {StepTimeMax.TotalSeconds:0} s of waiting for {what}; see the logs in {_directory.Root}/logs");

    private static void Say(string text) => Console.Error.WriteLine($"vstart: {text}");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
