using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>A node of a scenario, as the trouble-maker sees it.</summary>
internal interface ISimNode
{
    SimHost Host { get; }

    /// <summary>Starts the node's process on what its disks hold.</summary>
    void Start();
}
