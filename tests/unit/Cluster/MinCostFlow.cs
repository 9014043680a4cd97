using System;
using System.Collections.Generic;

namespace Fastblock.Tests.Unit.Cluster;

/// <summary>A flow of minimal cost as textbooks have it, from nothing, edge by edge: slow, plain, and written independently of the
/// planner that it checks. Lower bounds become demands of an extra source and sink.</summary>
internal sealed class MinCostFlow(int nodes)
{
    private readonly List<(int From, int To, int Room, int Cost)> _edges = []; // i ^ 1 is the way back of i
    private readonly int[] _demand = new int[nodes];

    public void Edge(int from, int to, int low, int high, int cost)
    {
        Add(from, to, high - low, cost);
        _demand[to] += low;
        _demand[from] -= low;
        BaseCost += low * cost;
    }

    private int BaseCost { get; set; }

    /// <summary>A node that produces (or, below zero, takes) so much.</summary>
    public void Supply(int node, int amount) => _demand[node] += amount;

    /// <returns>The cost; null when there is no such flow.</returns>
    public int? Solve()
    {
        int source = nodes, sink = nodes + 1, wanted = 0;
        for (int n = 0; n < nodes; n++)
        {
            if (_demand[n] > 0) { Add(source, n, _demand[n], 0); wanted += _demand[n]; }
            if (_demand[n] < 0) { Add(n, sink, -_demand[n], 0); }
        }
        int cost = BaseCost;
        while (wanted > 0)
        {
            int[] distance = new int[nodes + 2];
            int[] by = new int[nodes + 2];
            Array.Fill(distance, int.MaxValue / 2);
            distance[source] = 0;
            for (bool changed = true; changed;)
            {
                changed = false;
                for (int e = 0; e < _edges.Count; e++)
                {
                    (int from, int to, int room, int price) = _edges[e];
                    if (room == 0 || distance[from] + price >= distance[to] || distance[from] >= int.MaxValue / 4) { continue; }
                    distance[to] = distance[from] + price;
                    by[to] = e;
                    changed = true;
                }
            }
            if (distance[sink] >= int.MaxValue / 4) { return null; }
            for (int node = sink; node != source; node = _edges[by[node]].From)
            {
                _edges[by[node]] = _edges[by[node]] with { Room = _edges[by[node]].Room - 1 };
                _edges[by[node] ^ 1] = _edges[by[node] ^ 1] with { Room = _edges[by[node] ^ 1].Room + 1 };
            }
            cost += distance[sink];
            wanted--;
        }
        return cost;
    }

    private void Add(int from, int to, int room, int cost)
    {
        _edges.Add((from, to, room, cost));
        _edges.Add((to, from, 0, -cost));
    }
}
