using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>One image: its history, its sizes, and who has opened it.</summary>
internal sealed class ImageLife(string name, ulong id, long maxBytes, long sizeBytes)
{
    private readonly List<ulong> _generations = [];

    public ulong Id => id;
    public ImageHistory History { get; } = new(id, maxBytes / Units.SectorBytes);
    public SizeHistory Sizes { get; } = new(sizeBytes);

    /// <summary>An opening has succeeded; a writer's rules out what earlier owners left behind.</summary>
    /// <param name="generation">0 = a reader.</param>
    /// <returns>Number of the opening.</returns>
    public int OnOpened(ulong generation)
    {
        if (generation != 0)
        {
            foreach (ulong earlier in _generations)
            {
                if (earlier == generation) { throw new SimFailure($"{name}: owner generation {generation} was given twice"); }
            }
        }
        _generations.Add(generation);
        if (generation != 0) { History.RuleOut(opening => _generations[opening] < generation); }
        return _generations.Count - 1;
    }
}
