using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Net.Proto;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary>One run of `fastblock vstart`, from an empty or known folder to a cluster in the foreground: monitors, OSDs, pool
/// and image, a verified benchmark, the NBD export, then waiting for Ctrl-C. Every step first looks whether it is done
/// already, so the same sequence repairs a cluster of which a part has died.</summary>
internal sealed class VstartCluster : IDisposable
{
    public const string PoolName = "vol";
    private const string ImageName = "demo";
    private const string ScratchName = "vstart-bench";

    /// <summary>First choice for the first server; the next one takes the next.</summary>
    private const int MetricsPortFirst = 9700;

    private readonly VstartOptions _options;
    private readonly VstartDirectory _directory;
    private readonly VstartServers _servers;
    private readonly ManualResetEventSlim _stop = new();
    private readonly FreePorts _ports = new();
    private VstartSettings _settings = new();
    private VstartAdmin _admin = null!;
    private VstartLock? _lock;

    public VstartCluster(VstartOptions options)
    {
        _options = options;
        _directory = new VstartDirectory(options.Directory);
        _servers = new VstartServers(_directory);
    }

    private IReadOnlyList<string> Mons => _settings.MonAddresses;

    private string MonList => string.Join(",", Mons);

    public void Dispose()
    {
        _lock?.Dispose();
        _ports.Dispose();
        _stop.Dispose();
    }

    public ExitCode Run()
    {
        using EndSignals signals = new(OnSignal);
        LockFolder();
        bool hadServers = Plan();
        _settings = VstartPlan.Save(_settings, _options.Mons, _directory, _ports);
        _admin = new VstartAdmin(ConfigReader.Load(_directory.Config), _options.StepTime, _stop, RequireServers,
            Path.Combine(_directory.Root, "logs"));
        try
        {
            Start();
        }
        catch (Exception failure) when (!hadServers && failure is (OperatorException or IOException))
        {
            _ = _servers.StopAll(); // a half-started cluster of ours helps nobody; its folder and logs stay
            throw;
        }
        finally
        {
            _ports.Dispose(); // all that were chosen are listened on now
        }
        if (_stop.IsSet) { return StopCleanly(); }
        _lock?.Dispose();
        _lock = null;
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

    /// <summary>Takes the folder's lock. Where there is none yet nothing is made before the plan is found to be possible.</summary>
    private void LockFolder()
    {
        if (!File.Exists(_directory.LockFile))
        {
            _ = Plan();
            _directory.Create();
        }
        _lock = VstartLock.Take(_directory.LockFile, TimeSpan.Zero, _ => { });
        _directory.Create();
    }

    /// <summary>Settles what the cluster is to be and refuses what cannot be, before anything is changed.</summary>
    /// <returns>Whether servers of it run.</returns>
    private bool Plan()
    {
        bool hasServers = _directory.Servers().Exists(_servers.IsRunning);
        _settings = VstartPlan.Decide(_options, _directory, hasServers);
        RequireFreeNbdPort();
        return hasServers;
    }

    private void Start()
    {
        StartMons();
        StartOsds();
        if (_stop.IsSet) { return; }
        MakePoolAndImage();
        _admin.WaitForLeaders(PoolName);
        _admin.WaitForStatus("the monitors to know of all leaders", status => status is not null && status.PgsActive == status.Pgs);
        _admin.GiveTimeToSettle();
        string? bench = _options.NoBench || _stop.IsSet ? null : Bench();
        if (_stop.IsSet) { return; }
        StartNbd();
        if (_stop.IsSet) { return; }
        Report(bench);
    }

    private void Report(string? bench)
    {
        VstartReport report = new(_directory, _settings, $"{PoolName}/{ImageName}") { BenchJson = bench };
        if (_options.Json)
        {
            (int code, string status) = VstartServers.Query("status", "--json", "--mon", MonList);
            report.PrintJson(code == 0 ? status : "null");
            return;
        }
        _ = VstartServers.CommandInForeground("status", "--mon", MonList);
        report.PrintText();
    }

    private ExitCode StopCleanly()
    {
        // Another one may be starting what was missing; it ends by itself, and a second signal ends our waiting.
        _lock ??= VstartLock.Take(_directory.LockFile, TimeSpan.MaxValue, who => Say($"{who}: waiting for it"));
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
    private void RequireFreeNbdPort()
    {
        int port = _options.NbdPort ?? _settings.NbdPort;
        if (port == 0 || _servers.IsRunning("nbd") || FreePorts.IsFree(port)) { return; }
        throw new OperatorException(ExitCode.WrongState, $"port {port} of 127.0.0.1 is in use (another NBD server or "
            + "vstart?): stop that, or choose another with --nbd-port (0 = any free one)");
    }

    private void StartMons()
    {
        for (int id = 0; id < Mons.Count; id++)
        {
            string server = $"mon.{id}";
            if (!File.Exists(_directory.MonDevice(id)))
            {
                string cluster = ClusterUuid();
                MakeDevice(_directory.MonDevice(id), path => VstartServers.Run(server, "mon", "mkfs", "--device", path, "--id", Text(id),
                    "--mons", MonList, "--cluster", cluster, "--shards", Text(_settings.Shards)));
            }
            if (TryStart(server, "mon", "--device", _directory.MonDevice(id), "--config", _directory.Config)) { Say($"{server} started at {Mons[id]}"); }
        }
        _admin.WaitForStatus("the monitors to answer", status => status is not null);
    }

    /// <summary>All monitors of a cluster are made with the same uuid.</summary>
    private string ClusterUuid()
    {
        string path = Path.Combine(_directory.Root, "cluster.uuid");
        if (!File.Exists(path)) { VstartDirectory.Write(path, Guid.NewGuid().ToString()); }
        return File.ReadAllText(path).Trim();
    }

    /// <summary>A device gets its name when it is complete: what was cut short is made anew by the next start.</summary>
    private static void MakeDevice(string path, Action<string> format)
    {
        string unfinished = VstartDirectory.Unfinished(path);
        File.Delete(unfinished);
        format(unfinished);
        VstartDirectory.Rename(unfinished, path);
    }

    /// <summary>The same for an OSD, whose id is taken while its device is made: a device that was cut short is completed under
    /// the id that it has.</summary>
    private void MakeOsdDevice(string server, string path)
    {
        string unfinished = VstartDirectory.Unfinished(path);
        bool isThere = File.Exists(unfinished) && new FileInfo(unfinished).Length == _settings.SizeBytes;
        if (!isThere) { File.Delete(unfinished); }
        string[] size = isThere ? [] : ["--size", SizeText.FormatExact(_settings.SizeBytes)];
        (int code, string _, string error) = VstartServers.Command(["osd", "mkfs", "--device", unfinished, "--mon", MonList, .. size]);
        bool isComplete = code == (int)ExitCode.Ok || (isThere && code == (int)ExitCode.Exists);
        if (!isComplete) { throw new OperatorException((ExitCode)code, $"{server}: {error.Trim()}"); }
        VstartDirectory.Rename(unfinished, path);
    }

    private void StartOsds()
    {
        List<int> cores = [];
        for (int core = 0; core < 64; core++)
        {
            if (CoreSet.IsAllowed(core)) { cores.Add(core); }
        }
        for (int index = 0; index < _settings.Osds; index++)
        {
            string server = $"osd.{index}";
            string device = _settings.InMemory ? $"mem:{SizeText.FormatExact(_settings.SizeBytes)}" : _directory.OsdDevice(index);
            if (_servers.IsRunning(server)) { continue; }
            uint known = _settings.InMemory ? KnownOsds() : 0;
            if (_stop.IsSet) { return; }
            // One that never joined (known to the monitors are fewer) had no data.
            if (_settings.InMemory && _directory.ProcessOf(server).Pid > 0 && known > index)
            {
                Say($"{server} had its data in memory and is gone for good; stop the cluster and start it again to get a new one");
                continue;
            }
            if (!_settings.InMemory && !File.Exists(device))
            {
                MakeOsdDevice(server, device);
            }
            // One reactor each, spread over the cores; where there are more OSDs than cores they share them.
            string mask = "0x" + (cores.Count == 0 ? 0 : 1UL << cores[index % cores.Count]).ToString("x", CultureInfo.InvariantCulture);
            _ = TryStart(server, "osd", "--device", device, "--core-mask", mask, "--config", _directory.Config);
            Say($"{server} started on {device}");
            // It gets its number when it joins, the next in the order of joining: for its number to be ours it has to be in
            // before the next one starts.
            if (_settings.InMemory) { _admin.WaitForStatus($"{server} to join", status => status?.Osds > known); }
        }
        _admin.WaitForStatus("all OSDs to be up", status => status is not null && status.OsdsUp >= AliveOsds());
    }

    private uint KnownOsds()
    {
        StatusResult? answer = null;
        _admin.WaitForStatus("the monitors to answer", status => (answer = status) is not null);
        return answer?.Osds ?? 0;
    }

    private uint AliveOsds()
    {
        uint alive = 0;
        for (int index = 0; index < _settings.Osds; index++) { alive += _servers.IsRunning($"osd.{index}") ? 1u : 0; }
        return alive;
    }

    private void MakePoolAndImage()
    {
        bool poolIsNew = _admin.Ensure(new ControlRequest
        {
            PoolCreate = new PoolCreateRequest
            {
                Name = PoolName,
                Replicas = (uint)_settings.Replicas,
                PgCount = (uint)_settings.Pgs,
                FailureDomain = FailureDomainKind.FailureDomainOsd, // all of them are on this one host
            },
        });
        if (poolIsNew) { Say($"pool {PoolName} made: {_settings.Replicas} replicas, {_settings.Pgs} PGs"); }
        if (_admin.Ensure(ImageRequest(ImageName, ImageBytes()))) { Say($"image {PoolName}/{ImageName} made: {SizeText.Format(ImageBytes())}"); }
    }

    private static ControlRequest ImageRequest(string name, long bytes) =>
        new() { ImageCreate = new ImageCreateRequest { Pool = PoolName, Name = name, SizeBytes = bytes } };

    /// <summary>Half of what the pool can hold, whole MiB, at most 8 GiB.</summary>
    private long ImageBytes() =>
        Math.Clamp(_settings.SizeBytes * _settings.Osds / _settings.Replicas / 2 / Units.MiB, 1, 8192) * Units.MiB;

    /// <returns>Its result as JSON when that is wanted; else it has been printed.</returns>
    private string? Bench()
    {
        string scratch = $"{PoolName}/{ScratchName}";
        long bytes = Math.Min(ImageBytes() / 4, 256 * Units.MiB);
        _ = _admin.Ensure(ImageRequest(ScratchName, bytes));
        Say($"writing and verifying random 4 KiB blocks for 5 seconds on a scratch image of {SizeText.Format(bytes)}");
        string[] command = ["bench", "rw", scratch, "--rw", "randwrite", "--bs", "4k", "--qd", "32", "--time", "5", "--verify", "--mon", MonList];
        string? result = null;
        int code;
        if (_options.Json) { (code, result) = VstartServers.Query([.. command, "--json"]); }
        else { code = VstartServers.CommandInForeground(command); }
        _ = _admin.Ask(new ControlRequest { ImageRemove = new ImageRemoveRequest { Pool = PoolName, Name = ScratchName } });
        // A signal from the terminal went to the benchmark as well.
        if (code != 0 && !_stop.IsSet) { throw new OperatorException((ExitCode)code, "the benchmark failed; the cluster does not work as it should"); }
        return result;
    }

    private void StartNbd()
    {
        if (_servers.IsRunning("nbd")) { return; }
        int port = _options.NbdPort == 0 ? _ports.Take(_settings.NbdPort, wasOurs: true) : _options.NbdPort ?? _settings.NbdPort;
        File.Delete(_directory.NbdSocket);
        // An owner that died without saying so is fenced: this export is the only writer that vstart knows of.
        _ = TryStart("nbd", "nbd", $"{PoolName}/{ImageName}", "--listen", $"127.0.0.1:{port}", "--listen", _directory.NbdSocket,
            "--take-over", "--config", _directory.Config);
        _admin.WaitForFact("the NBD export", () => !FreePorts.IsFree(port) && File.Exists(_directory.NbdSocket));
        _settings = _settings with { NbdPort = port };
        _settings.Save(_directory.Settings);
    }

    /// <summary>Starts a server unless it runs, with a metrics port that it keeps over restarts where that is possible.</summary>
    /// <returns>Whether it had to be started.</returns>
    private bool TryStart(string server, params string[] arguments)
    {
        if (_servers.IsRunning(server)) { return false; }
        bool wasOurs = _settings.MetricsPorts.TryGetValue(server, out int port);
        port = _ports.Take(wasOurs ? port : MetricsPortFirst + _settings.MetricsPorts.Count, wasOurs);
        _settings = _settings with { MetricsPorts = new(_settings.MetricsPorts, StringComparer.Ordinal) { [server] = port } };
        _settings.Save(_directory.Settings);
        return _servers.Ensure(server, [.. arguments, "--metrics", $"127.0.0.1:{port}"]);
    }

    private void RequireServers()
    {
        if (_servers.ReportDeaths()) { throw new OperatorException(ExitCode.Failed, "a server that vstart needs has ended"); }
    }

    private static void Say(string text) => VstartServers.Tell($"vstart: {text}");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
