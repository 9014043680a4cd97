using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net.Http;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>A cluster of real processes in a temporary folder, started by `fastblock vstart --detach`, stopped and deleted at
/// the end. When a test fails, the ends of the servers' logs are in its message.</summary>
internal sealed class VstartCluster : IDisposable
{
    private readonly List<string> _arguments;
    private readonly Func<string, string[]> _place;

    private VstartCluster(string directory, List<string> arguments, Func<string, string[]> place)
    {
        Root = directory;
        _arguments = arguments;
        _place = place;
    }

    public string Root { get; }
    public string NbdSocket => Path.Combine(Root, "nbd.sock");

    /// <summary>As NBD clients name the export vol/demo.</summary>
    public string NbdUri => $"nbd+unix:///vol/demo?socket={NbdSocket}";

    public static VstartCluster Start(params string[] options)
    {
        string directory = Path.Combine(Directory.CreateTempSubdirectory("fb").FullName, "c");
        VstartCluster cluster = new(directory, ["vstart", "--dir", directory, "--no-bench", "--detach", "--nbd-port", "0", .. options], _ => []);
        try
        {
            cluster.StartMissing();
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
        return cluster;
    }

    /// <summary>A cluster in a folder that is laid out as vstart does it, whose servers somebody else makes and starts.</summary>
    /// <param name="place">Begins the command line of a program that is to run where a server (its name), the client or the
    /// operator is.</param>
    public static VstartCluster Over(string directory, Func<string, string[]> place) => new(directory, [], place);

    /// <summary>The command line that runs <paramref name="command"/> where <paramref name="who"/> is.</summary>
    public string[] At(string who, params string[] command) => [.. _place(who), .. command];

    /// <summary>Runs vstart on the folder: starts whatever is not running.</summary>
    public void StartMissing()
    {
        CommandResult result = Shell.Fastblock([.. _arguments]);
        Assert.True(result.Code == 0, $"{result.Line}\n{result.Error}{Logs()}");
    }

    public void Stop() => Shell.Fastblock("vstart", "stop", "--dir", Root).Ok();

    /// <summary>A command against this cluster.</summary>
    public CommandResult Cli(params string[] arguments)
    {
        string[] command = At("operator", [Binary.Path, .. arguments, "--config", Path.Combine(Root, "fastblock.toml")]);
        return Shell.Run(command[0], command[1..]);
    }

    public JsonElement Status() => Cli("status", "--json").Json();

    public void UntilClean(int seconds = 60) => Shell.Until("all PGs to be clean", () =>
    {
        CommandResult result = Cli("status", "--json", "--timeout", "5");
        return result.Code == 0 && result.Json().GetProperty("pgs_clean").GetInt32() == result.Json().GetProperty("pgs").GetInt32();
    }, seconds);

    public bool IsRunning(string server) => ChildProcess.IsAlive(ProcessOf(server));

    public void Kill(string server) => Signal(server, ChildProcess.SIGKILL);

    public void Signal(string server, int signal)
    {
        ProcessId id = ProcessOf(server);
        Assert.True(ChildProcess.TrySignal(id, signal), $"{server} does not run");
        if (signal == ChildProcess.SIGKILL) { Shell.Until($"{server} to be gone", () => !ChildProcess.IsAlive(id)); }
    }

    public IEnumerable<string> Servers()
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Root, "pids"), "*.pid")) { yield return Path.GetFileNameWithoutExtension(file); }
    }

    /// <summary>The OSD that leads the PG of an image's first object.</summary>
    public string LeaderOf(string image, long offset = 0)
    {
        string pg = Cli("pg", "map", image, "--offset", offset.ToString(CultureInfo.InvariantCulture), "--json").Json().GetProperty("pg").GetString()!;
        foreach (JsonElement row in Cli("pg", "ls", "--json").Json().EnumerateArray())
        {
            if (row.GetProperty("pg").GetString() == pg) { return ServerOf(row.GetProperty("leader").GetUInt32()); }
        }
        throw new InvalidOperationException($"no PG {pg}");
    }

    /// <summary>Starts a server; it goes on until it is stopped or the cluster is disposed of.</summary>
    public void Run(string server, string[] command)
    {
        string[] whole = At(server, command);
        Errno status = ChildProcess.TryStart(whole[0], whole[1..], Path.Combine(Root, "logs", server + ".log"), out ProcessId id);
        Assert.Equal(Errno.None, status);
        File.WriteAllText(Path.Combine(Root, "pids", server + ".pid"), id + "\n");
    }

    /// <summary>vstart numbers its servers from 0 in the order in which it makes them, as the monitors number OSDs.</summary>
    public static string ServerOf(uint osd) => $"osd.{osd}";

    /// <summary>A value of a server's /metrics page, the first of that name; 0 when it is not there.</summary>
    public double Metric(string server, string name)
    {
        string settings = File.ReadAllText(Path.Combine(Root, "vstart.toml"));
        Match port = Regex.Match(settings, $"(?m)^\"{Regex.Escape(server)}\" = (\\d+)$");
        Assert.True(port.Success, $"{server} has no metrics port\n{settings}");
        using HttpClient client = new();
        string page = client.GetStringAsync(new Uri($"http://127.0.0.1:{port.Groups[1].Value}/metrics")).Result;
        Match value = Regex.Match(page, $"(?m)^{name}(\\{{.*\\}})? (\\S+)$");
        return value.Success ? double.Parse(value.Groups[2].Value, CultureInfo.InvariantCulture) : 0;
    }

    public string Logs()
    {
        string text = "";
        string folder = Path.Combine(Root, "logs");
        if (!Directory.Exists(folder)) { return text; }
        foreach (string file in Directory.GetFiles(folder, "*.log"))
        {
            string[] lines = File.ReadAllLines(file);
            text += $"\n--- {Path.GetFileName(file)}\n{string.Join('\n', lines[Math.Max(0, lines.Length - 15)..])}";
        }
        return text;
    }

    public void Dispose()
    {
        if (Directory.Exists(Path.Combine(Root, "pids")))
        {
            foreach (string server in Servers()) { _ = ChildProcess.TrySignal(ProcessOf(server), 18 /* SIGCONT: a stopped one cannot end */); }
            _ = Shell.Fastblock("vstart", "stop", "--dir", Root);
            foreach (string server in Servers()) { _ = ChildProcess.TrySignal(ProcessOf(server), ChildProcess.SIGKILL); }
        }
        Directory.Delete(Path.GetDirectoryName(Root)!, recursive: true);
    }

    private ProcessId ProcessOf(string server)
    {
        string path = Path.Combine(Root, "pids", server + ".pid");
        return File.Exists(path) && ProcessId.TryParse(File.ReadAllText(path), out ProcessId id) ? id : default;
    }
}
