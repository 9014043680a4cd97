using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Runner;

/// <summary>What all seeds of a long run have come to so far.</summary>
internal sealed class RunTotals(RunnerOptions options)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly SortedDictionary<string, long> _marks = [];
    private readonly List<string> _failed = [];
    private long _seeds;
    private double _virtualSeconds;
    private double _coreSeconds;
    private long _operations;
    private long _fewestOperations = long.MaxValue;
    private long _faults;
    private long _events;
    private long _residentBytes;

    public int FailureCount => _failed.Count;

    public double Minutes => Stopwatch.GetElapsedTime(_start).TotalMinutes;

    /// <summary>Counts a seed; says at once, and in the log file, what is wrong with it.</summary>
    public void Add(SeedRun run)
    {
        _seeds++;
        _virtualSeconds += run.VirtualNanos / (double)Units.NanosPerSecond;
        _coreSeconds += run.CpuSeconds;
        _operations += run.Operations;
        _fewestOperations = Math.Min(_fewestOperations, run.Operations);
        _faults += run.Faults;
        _events += run.Events;
        _residentBytes = Math.Max(_residentBytes, run.ResidentBytes);
        foreach ((string mark, long count) in run.Marks) { _marks[mark] = _marks.GetValueOrDefault(mark) + count; }
        if (run.Failure == null) { return; }
        _failed.Add($"{run.Scenario} {run.Seed}");
        Console.WriteLine(run.Report);
        File.AppendAllText(options.LogPath, $"{run.Report}{Environment.NewLine}{Environment.NewLine}");
    }

    /// <summary>How far it is, in a line.</summary>
    public string Progress() => string.Create(CultureInfo.InvariantCulture,
        $"{Minutes,6:F1} min: {_seeds} seeds, {_failed.Count} failed; {_virtualSeconds / 3600:F2} virtual hours, {_virtualSeconds / 3600 / Minutes:F2} per minute, "
        + $"{_virtualSeconds / Math.Max(_coreSeconds, 1e-9):F0} x real time per core; per seed {PerSeed(_virtualSeconds):F0} s, {PerSeed(_operations):F0} operations (at least {(_seeds == 0 ? 0 : _fewestOperations)}), "
        + $"{PerSeed(_faults):F1} faults; {_events / Math.Max(_virtualSeconds, 1e-9):F0} events and {_operations / Math.Max(_virtualSeconds, 1e-9):F1} operations per virtual second; "
        + $"{_coreSeconds / Math.Max(_events, 1) * 1e6:F2} us per event; at most {_residentBytes / Units.MiB} MiB");

    /// <summary>Everything, for the end.</summary>
    public string Summary()
    {
        var text = new StringBuilder();
        _ = text.AppendLine("coverage marks reached:");
        foreach ((string mark, long count) in _marks) { _ = text.AppendLine(CultureInfo.InvariantCulture, $"{count,12} {mark}"); }
        _ = text.AppendLine(Progress());
        if (_failed.Count > 0) { _ = text.AppendLine(CultureInfo.InvariantCulture, $"failed: {string.Join(", ", _failed)}; reports in {options.LogPath}"); }
        return text.ToString();
    }

    private double PerSeed(double sum) => sum / Math.Max(_seeds, 1);
}
