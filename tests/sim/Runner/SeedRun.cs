using System.Collections.Generic;

namespace Fastblock.Tests.Sim.Runner;

/// <summary>What a worker tells of one seed, as a line of JSON.</summary>
internal sealed record SeedRun
{
    public required string Scenario { get; init; }
    public required ulong Seed { get; init; }

    /// <summary>Null = everything held.</summary>
    public string? Failure { get; init; }
    public string Report { get; init; } = "";
    public string Drawn { get; init; } = "";
    public long VirtualNanos { get; init; }

    /// <summary>Of a processor, whoever else runs on the machine.</summary>
    public double CpuSeconds { get; init; }
    public long Events { get; init; }
    public long Operations { get; init; }
    public long Faults { get; init; }

    /// <summary>Memory of the worker after the run.</summary>
    public long ResidentBytes { get; init; }

    /// <summary>Coverage marks reached in this run, with how often.</summary>
    public Dictionary<string, long> Marks { get; init; } = [];
}
