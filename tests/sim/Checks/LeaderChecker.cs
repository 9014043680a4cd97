using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>At most one leader per group and term, and no node's term ever goes back, restarts included.</summary>
internal sealed class LeaderChecker
{
    private readonly Dictionary<(ulong Group, ulong Term), ulong> _leaders = [];
    private readonly Dictionary<(ulong Group, ulong Node), ulong> _terms = [];

    /// <summary>Terms that had a leader, over all groups.</summary>
    public int LeaderCount => _leaders.Count;

    public void OnLeader(ulong group, ulong term, ulong node)
    {
        if (!_leaders.TryAdd((group, term), node) && _leaders[(group, term)] != node)
        {
            throw new SimFailure($"group {group:x} has two leaders in term {term}: nodes {_leaders[(group, term)]} and {node}");
        }
    }

    /// <summary>A term that the node has let others know of.</summary>
    public void OnTerm(ulong group, ulong node, ulong term)
    {
        if (_terms.TryGetValue((group, node), out ulong before) && term < before)
        {
            throw new SimFailure($"group {group:x}: node {node} went back from term {before} to {term}");
        }
        _terms[(group, node)] = term;
    }

    /// <summary>The node lost its device: it is another voter now.</summary>
    public void Forget(ulong node)
    {
        foreach ((ulong Group, ulong Node) key in new List<(ulong Group, ulong Node)>(_terms.Keys))
        {
            if (key.Node == node) { _ = _terms.Remove(key); }
        }
    }
}
