using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Linux;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Kills servers of a vstart cluster without a warning and starts them again, each alone, as an operator's service
/// manager would.</summary>
internal static class Faults
{
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;

    /// <summary>A server that is dead, and how it was started.</summary>
    internal sealed record Dead(VstartCluster Cluster, string Server, string[] Command)
    {
        public void Restart(params string[] moreArguments) => Cluster.Run(Server, [.. Command, .. moreArguments]);
    }

    public static Dead KillHard(this VstartCluster cluster, string server) => cluster.KillHard([server])[0];

    /// <summary>All at once: the signals are sent before anything waits.</summary>
    public static List<Dead> KillHard(this VstartCluster cluster, params string[] servers) => cluster.End(ChildProcess.SIGKILL, servers);

    /// <summary>As an operator stops a server: it may put its affairs in order first.</summary>
    public static Dead StopCleanly(this VstartCluster cluster, string server) => cluster.End(ChildProcess.SIGTERM, server)[0];

    private static List<Dead> End(this VstartCluster cluster, int signal, params string[] servers)
    {
        List<Dead> dead = [];
        List<ProcessId> processes = [];
        foreach (string server in servers)
        {
            Assert.True(ProcessId.TryParse(File.ReadAllText(PidFile(cluster, server)), out ProcessId id), server);
            dead.Add(new Dead(cluster, server, File.ReadAllText($"/proc/{id.Pid}/cmdline").TrimEnd('\0').Split('\0')));
            processes.Add(id);
        }
        foreach (ProcessId id in processes) { Assert.True(ChildProcess.TrySignal(id, signal)); }
        foreach (ProcessId id in processes) { Shell.Until("a server to be gone", () => Reaped(id)); }
        return dead;
    }

    /// <summary>What the monitors think of an OSD.</summary>
    public static void UntilOsdsUp(this VstartCluster cluster, int count) => Shell.Until($"{count} OSDs to be up", () =>
    {
        CommandResult result = cluster.Cli("status", "--json", "--timeout", "5");
        return result.Code == 0 && result.Json().GetProperty("osds_up").GetInt32() == count;
    });

    /// <summary>An OSD that is not <paramref name="other"/>: with three OSDs and three replicas it follows where the other leads.</summary>
    public static string OtherOsd(string other) => other == "osd.0" ? "osd.1" : "osd.0";

    public static string LeadingMon(this VstartCluster cluster)
    {
        foreach (JsonElement mon in cluster.Status().GetProperty("mons").EnumerateArray())
        {
            if (mon.GetProperty("leader").GetBoolean()) { return $"mon.{mon.GetProperty("id").GetInt32()}"; }
        }
        throw new InvalidOperationException("no monitor leads");
    }

    /// <summary>Every replica of every PG reads all that it has; they must be equal.</summary>
    public static void RequireEqualReplicas(this VstartCluster cluster)
    {
        cluster.UntilClean();
        CommandResult result = cluster.Cli("fsck", "--compare", "--json", "--timeout", "60");
        Assert.True(result.Code == 0, result.Output + result.Error + cluster.Logs());
        Assert.True(result.Json().GetProperty("pgs_equal").GetInt32() > 0);
    }

    /// <summary>Codes of the present health items.</summary>
    public static List<string> HealthCodes(this VstartCluster cluster)
    {
        List<string> codes = [];
        CommandResult result = cluster.Cli("status", "--json", "--timeout", "5");
        if (result.Code != 0) { return codes; }
        foreach (JsonElement item in result.Json().GetProperty("health").GetProperty("items").EnumerateArray())
        {
            codes.Add(item.GetProperty("code").GetString()!);
        }
        return codes;
    }

    private static bool Reaped(ProcessId id)
    {
        _ = ChildProcess.Reap(id); // ours when a test started it
        return !ChildProcess.IsAlive(id);
    }

    private static string PidFile(VstartCluster cluster, string server) => Path.Combine(cluster.Root, "pids", server + ".pid");
}
