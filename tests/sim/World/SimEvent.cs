namespace Fastblock.Tests.Sim.World;

/// <summary>Something that happens at one moment of virtual time.</summary>
internal abstract class SimEvent
{
    /// <summary>World time in nanoseconds; events of the same moment run in the order in which they were scheduled.</summary>
    public long At { get; set; }

    /// <summary>True: it does nothing any more and is skipped.</summary>
    public bool IsCancelled { get; set; }

    public abstract void Run();
}
