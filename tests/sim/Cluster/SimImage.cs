using System.Collections.Generic;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>A name for images of the scenario. Mostly there is one image of that name; it may be removed and made again.</summary>
/// <param name="maxBytes">No image of it is ever larger.</param>
internal sealed class SimImage(string name, long maxBytes)
{
    private readonly SortedDictionary<ulong, ImageLife> _lives = [];

    public string Name => name;
    public long MaxBytes { get; } = maxBytes;

    /// <summary>Of images that are met for the first time: a client may open one before its maker has heard that it was made.</summary>
    public long NewBytes { get; set; } = maxBytes;

    /// <summary>It shall be removed: no writer opens it.</summary>
    public bool IsWanted { get; set; } = true;

    /// <summary>The image with this id.</summary>
    public ImageLife Life(ulong id)
    {
        if (!_lives.TryGetValue(id, out ImageLife? life)) { _lives[id] = life = new ImageLife(name, id, MaxBytes, NewBytes); }
        return life;
    }
}
