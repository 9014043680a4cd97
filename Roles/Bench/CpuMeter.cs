using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Bench;

/// <summary>CPU time (user and system, all threads) of this process and of the servers that serve it, from /proc. Resolution
/// 10 ms, so a run should last a second at least. Only what runs on this machine is seen.</summary>
internal sealed class CpuMeter
{
    /// <summary>USER_HZ of Linux: the unit of utime and stime in proc(5).</summary>
    private const long NanosPerTick = Units.NanosPerSecond / 100;

    private readonly Dictionary<int, long> _before = [];
    private readonly IReadOnlyList<int> _wanted;

    private CpuMeter(IReadOnlyList<int> wanted) => _wanted = wanted;

    /// <summary>Begins to measure.</summary>
    /// <param name="pids">Processes besides our own; empty = all that run the same executable.</param>
    public static CpuMeter Start(IReadOnlyList<int> pids)
    {
        CpuMeter meter = new(pids);
        foreach (int pid in meter.Processes()) { meter._before[pid] = TimeOf(pid); }
        return meter;
    }

    /// <summary>CPU time since the start, and of how many processes. A process that died meanwhile is not counted.</summary>
    public (long Nanos, int Processes) Stop()
    {
        long sum = 0;
        int count = 0;
        foreach (int pid in Processes())
        {
            sum += Math.Max(0, TimeOf(pid) - _before.GetValueOrDefault(pid));
            count++;
        }
        return (sum, count);
    }

    private List<int> Processes()
    {
        if (_wanted.Count > 0) { return [Environment.ProcessId, .. _wanted]; }
        List<int> found = [];
        string? own = Environment.ProcessPath;
        foreach (string folder in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)) { continue; }
            try
            {
                if (pid == Environment.ProcessId || File.ResolveLinkTarget($"/proc/{pid}/exe", returnFinalTarget: false)?.FullName == own) { found.Add(pid); }
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile, or belongs to somebody else.
            }
        }
        return found;
    }

    private static long TimeOf(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            long user = long.Parse(fields[14 - 3], CultureInfo.InvariantCulture), system = long.Parse(fields[15 - 3], CultureInfo.InvariantCulture);
            return (user + system) * NanosPerTick;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
