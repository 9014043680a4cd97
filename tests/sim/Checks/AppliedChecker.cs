using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>State machine safety: what any node applies at an index is what every node applies there, each node applies without
/// gaps, and what a proposer was told is committed is what is applied.</summary>
internal sealed class AppliedChecker
{
    private readonly Dictionary<(ulong Group, ulong Index), (ulong Term, ulong Hash)> _applied = [];
    private readonly Dictionary<ulong, ulong> _newest = [];

    /// <summary>Newest index that any node applied.</summary>
    public ulong Newest(ulong group) => _newest.GetValueOrDefault(group);

    public void OnApplied(ulong group, ulong node, ulong index, ulong term, ulong hash)
    {
        if (_applied.TryAdd((group, index), (term, hash)))
        {
            _newest[group] = System.Math.Max(_newest.GetValueOrDefault(group), index);
            return;
        }
        (ulong Term, ulong Hash) known = _applied[(group, index)];
        if (known != (term, hash))
        {
            throw new SimFailure($"group {group:x} index {index}: node {node} applied term {term} hash {hash:x}, another node term {known.Term} hash {known.Hash:x}");
        }
    }

    /// <summary>A proposer was told that its entry is committed.</summary>
    public void OnAcknowledged(ulong group, ulong index, ulong hash)
    {
        if (!_applied.TryGetValue((group, index), out (ulong Term, ulong Hash) known) || known.Hash != hash)
        {
            throw new SimFailure($"group {group:x} index {index}: acknowledged hash {hash:x}, applied {known.Hash:x}");
        }
    }
}
