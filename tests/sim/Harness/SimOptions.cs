using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>How a seed is run, beside the seed itself: part of what a replay must repeat.</summary>
internal sealed record SimOptions
{
    public static SimOptions Default { get; } = new();

    /// <summary>Trouble lasts so long, and the load is spread over it; 0 = the seed decides (some seconds).</summary>
    public int TroubleSeconds { get; init; }

    /// <summary>The defect that is switched on.</summary>
    public SabotageKind Sabotage { get; init; }

    /// <summary>Every event goes to this file; null = no file.</summary>
    public string? TracePath { get; init; }
}
