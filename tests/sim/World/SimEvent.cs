namespace Fastblock.Tests.Sim.World;

/// <summary>Something that happens at one moment of virtual time.</summary>
internal abstract class SimEvent
{
    /// <summary>World time in nanoseconds.</summary>
    public long At { get; set; }

    /// <summary>Order among events of the same moment: the order in which they were scheduled.</summary>
    public ulong Sequence { get; set; }

    /// <summary>True: it does nothing any more and is skipped.</summary>
    public bool IsCancelled { get; set; }

    public abstract void Run();
}
