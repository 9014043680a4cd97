using System.CommandLine;
using System.IO;
using System.Numerics;
using Fastblock.Native.Base;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary><c>fastblock vstart</c>: a whole cluster on this machine, for trying out and for tests.</summary>
internal static class VstartCommand
{
    public static Command Create()
    {
        Option<string> directory = DirectoryOption();
        Option<int?> osds = Number("--osds", $"OSDs (default {VstartOptions.OsdsDefault}).");
        Option<int?> mons = Number("--mons", "Monitors: 1 or 3 (default 1).");
        Option<int?> replicas = Number("--replicas", "Replicas of pool vol: 1, 3 or 5 (default 3, or 1 with fewer than 3 OSDs).");
        Option<int?> pgs = Number("--pgs", $"PGs of pool vol (default {VstartOptions.PgsDefault}).");
        Option<int?> shards = Number("--shards", "Shards of every OSD (default 1).");
        Option<string?> size = new("--size") { Description = "Size of each OSD's device (default 4G); image vol/demo gets half of the pool's room, at most 8G.", HelpName = "SIZE" };
        Option<string?> device = new("--device") { Description = "file: devices are sparse files in the folder (default). mem: in the OSDs' memory, gone with them.", HelpName = "file|mem" };
        Option<int?> nbdPort = new("--nbd-port")
        {
            Description = $"TCP port of the NBD export on 127.0.0.1 (default {VstartOptions.NbdPortDefault}, or where it was); 0 = any free one.",
            HelpName = "PORT",
        };
        Option<bool> noBench = new("--no-bench") { Description = "Do not write and verify a few seconds of random I/O." };
        Option<bool> detach = new("--detach") { Description = "Return when the cluster is ready; end it with 'fastblock vstart stop'." };
        ManualCommand vstart = new("vstart", "Start a whole cluster on this machine: monitors, OSDs and an NBD export as separate processes, "
            + "with a pool 'vol' and an image 'vol/demo'. Run again on the same folder it comes back with the same data and starts "
            + "whatever is missing. Needs no root, no configuration.",
            "fastblock vstart", "fastblock vstart --osds 5 --mons 3 --size 20G --dir /data/fb", "fastblock vstart --device mem --detach --json",
            "fastblock vstart stop --dir fastblock-data");
        foreach (Option option in (Option[])[directory, osds, mons, replicas, pgs, shards, size, device, nbdPort, noBench, detach])
        {
            vstart.Options.Add(option);
        }
        vstart.Subcommands.Add(CreateStop());
        return vstart.Does(parsed =>
        {
            using VstartCluster cluster = new(Checked(new VstartOptions
            {
                Directory = parsed.GetRequiredValue(directory),
                Osds = parsed.GetValue(osds),
                Mons = parsed.GetValue(mons),
                Replicas = parsed.GetValue(replicas),
                Pgs = parsed.GetValue(pgs),
                Shards = parsed.GetValue(shards),
                SizeBytes = parsed.GetValue(size) is string text ? SizeText.Parse(text, "--size") : null,
                InMemory = parsed.GetValue(device) switch
                {
                    null => null,
                    "file" => false,
                    "mem" => true,
                    string other => throw new OperatorException(ExitCode.Usage, $"--device '{other}': must be file or mem"),
                },
                NbdPort = parsed.GetValue(nbdPort),
                NoBench = parsed.GetValue(noBench),
                Detach = parsed.GetValue(detach),
                Json = parsed.GetValue(CommonOptions.Json),
                StepTime = parsed.GetResult(CommonOptions.Timeout) is { Implicit: false }
                    ? CommonOptions.TimeoutOf(parsed) : new VstartOptions { Directory = "" }.StepTime,
            }));
            return cluster.Run();
        });
    }

    private static ManualCommand CreateStop()
    {
        Option<string> directory = DirectoryOption();
        ManualCommand stop = new("stop", "Stop all servers of a cluster that vstart started.", "fastblock vstart stop --dir fastblock-data");
        stop.Options.Add(directory);
        return stop.Does(parsed =>
        {
            VstartDirectory folder = new(parsed.GetRequiredValue(directory));
            if (!Directory.Exists(folder.Root) || !folder.HasCluster)
            {
                throw new OperatorException(ExitCode.NotFound, $"there is no vstart cluster in {folder.Root}");
            }
            using VstartLock held = VstartLock.Take(folder.LockFile, CommonOptions.TimeoutOf(parsed),
                who => System.Console.Error.WriteLine($"{who}: waiting for it"));
            int stopped = new VstartServers(folder).StopAll();
            if (parsed.GetValue(CommonOptions.Json))
            {
                CommandOutput.Print(asJson: true, json =>
                {
                    json.WriteStartObject();
                    json.WriteNumber("stopped", stopped);
                    json.WriteEndObject();
                }, _ => { });
            }
            else { System.Console.Error.WriteLine($"{stopped} servers stopped"); }
            return ExitCode.Ok;
        });
    }

    private static Option<string> DirectoryOption() => new("--dir")
    {
        Description = "Folder of the cluster.",
        HelpName = "DIR",
        DefaultValueFactory = _ => VstartOptions.DirectoryDefault,
    };

    private static Option<int?> Number(string name, string description) => new(name) { Description = description, HelpName = "N" };

    private static VstartOptions Checked(VstartOptions options)
    {
        string? whyNot = options switch
        {
            { Osds: < 1 or > 64 } => $"--osds {options.Osds}: must be 1 to 64",
            { Mons: not (null or 1 or 3) } => $"--mons {options.Mons}: must be 1 or 3",
            { Replicas: not (null or 1 or 3 or 5) } => $"--replicas {options.Replicas}: must be 1, 3 or 5",
            { Shards: < 1 or > 64 } => $"--shards {options.Shards}: must be 1 to 64",
            { Pgs: < 1 or > 16384 } => $"--pgs {options.Pgs}: must be 1 to 16384",
            { Pgs: int pgs } when !BitOperations.IsPow2(pgs) => $"--pgs {pgs}: must be a power of two",
            { NbdPort: < 0 or > 65535 } => $"--nbd-port {options.NbdPort}: must be 0 to 65535",
            { SizeBytes: < 256 * Units.MiB } => "--size: must be at least 256M",
            _ => null,
        };
        return whyNot is null ? options : throw new OperatorException(ExitCode.Usage, whyNot);
    }
}
