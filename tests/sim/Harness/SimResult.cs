namespace Fastblock.Tests.Sim.Harness;

/// <summary>What one run came to.</summary>
/// <param name="Failure">Null = everything held.</param>
/// <param name="TraceHash">Equal for two runs of the same seed.</param>
/// <param name="Drawn">What the seed drew and how much happened.</param>
/// <param name="Report">For a failed run: seed, how to replay it, the draw, what is wrong, the last events.</param>
/// <param name="Operations">Client operations that ended.</param>
/// <param name="Faults">Troubles made.</param>
internal sealed record SimResult(ulong Seed, string? Failure, ulong TraceHash, long Events, long VirtualNanos, string Drawn, string Report,
    long Operations, long Faults);
