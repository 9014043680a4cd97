using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>
/// Chooses a preferred leader out of each PG's members, so that every OSD leads its share: of those replicas that it holds, one in
/// "replicas", rounded down or up; on each shard, and over the whole pool. Those who lead already go on where that keeps the shares.
/// <para>Such a choice always exists: giving each member 1/replicas of a PG meets all shares exactly, and a flow with whole
/// bounds has a whole solution. It is found by passing leaderships along: from an OSD that leads too many over PGs whose
/// leader it is to another member, on to PGs that this one leads, and so on, to an OSD that may lead more. A path passes
/// through an OSD either within one shard, which leaves that OSD's counts alone, or through its *hub*, from one shard to
/// another, where both shards must have room for it.</para>
/// </summary>
internal sealed class LeaderSpread
{
    private readonly int[][] _members;
    private readonly int[] _shardOf;
    private readonly int _osds;
    private readonly int _shards;
    private readonly int[] _leaders;
    private readonly List<int>[] _pgsOf;        // by place (OSD, shard): PGs with a replica there
    private readonly int[] _load, _low, _high;  // by place
    private readonly int[] _total, _totalLow, _totalHigh; // by OSD

    /// <summary>Divisible by every number of members up to 2 * MaxReplicas.</summary>
    private const int Whole = 2520;

    private LeaderSpread(int[][] members, int[] shardOf, int osds, int shards)
    {
        _members = members;
        _shardOf = shardOf;
        _osds = osds;
        _shards = shards;
        _leaders = new int[members.Length];
        int places = osds * shards;
        _pgsOf = new List<int>[places];
        for (int p = 0; p < places; p++) { _pgsOf[p] = []; }
        _load = new int[places];
        _low = new int[places];
        _high = new int[places];
        _total = new int[osds];
        _totalLow = new int[osds];
        _totalHigh = new int[osds];
    }

    /// <param name="present">By PG: who should lead it so far, -1 = nobody; null = nobody anywhere.</param>
    /// <returns>By PG: the index of the OSD that should lead it.</returns>
    public static int[] Choose(int[][] members, int[] shardOf, int osds, int shards, int[]? present = null)
    {
        LeaderSpread spread = new(members, shardOf, osds, shards);
        spread.SetBounds();
        spread.Begin(present);
        spread.Repair(wholePool: false);
        spread.Repair(wholePool: true);
        return spread._leaders;
    }

    private int Place(int osd, int shard) => (osd * _shards) + shard;

    private void SetBounds()
    {
        int[] share = new int[_osds * _shards]; // of what is held there, in parts of a whole
        for (int pg = 0; pg < _members.Length; pg++)
        {
            foreach (int osd in _members[pg])
            {
                _pgsOf[Place(osd, _shardOf[pg])].Add(pg);
                share[Place(osd, _shardOf[pg])] += Whole / _members[pg].Length;
            }
        }
        for (int osd = 0; osd < _osds; osd++)
        {
            int all = 0;
            for (int shard = 0; shard < _shards; shard++)
            {
                int place = Place(osd, shard);
                all += share[place];
                (_low[place], _high[place]) = (share[place] / Whole, (share[place] + Whole - 1) / Whole);
            }
            (_totalLow[osd], _totalHigh[osd]) = (all / Whole, (all + Whole - 1) / Whole);
        }
    }

    /// <summary>A good start, so that little is left to repair: the member that is furthest below its share.</summary>
    private void Begin(int[]? present)
    {
        for (int pg = 0; pg < _members.Length; pg++)
        {
            _leaders[pg] = -1;
            if (present is not null && Array.IndexOf(_members[pg], present[pg]) >= 0) { Lead(pg, present[pg]); }
        }
        for (int pg = 0; pg < _members.Length; pg++)
        {
            if (_leaders[pg] >= 0) { continue; }
            int best = _members[pg][0];
            foreach (int osd in _members[pg])
            {
                if (Need(osd, pg) > Need(best, pg)) { best = osd; }
            }
            Lead(pg, best);
        }
    }

    private void Lead(int pg, int osd)
    {
        _leaders[pg] = osd;
        _load[Place(osd, _shardOf[pg])]++;
        _total[osd]++;
    }

    private int Need(int osd, int pg)
    {
        int place = Place(osd, _shardOf[pg]);
        return ((_high[place] - _load[place]) * 1024) + _totalHigh[osd] - _total[osd];
    }

    /// <summary>Moves leaderships until all are within their bounds, or (which the flow argument excludes) none can move.</summary>
    private void Repair(bool wholePool)
    {
        int limit = _members.Length * 2;
        for (int step = 0; step < limit; step++)
        {
            if (!TryStep(wholePool, upper: true) && !TryStep(wholePool, upper: false)) { return; }
        }
    }

    /// <summary>Takes one leadership from a place above its upper bound to any below its own, or gives one to a place below its
    /// lower bound from any above its own.</summary>
    private bool TryStep(bool wholePool, bool upper)
    {
        int count = wholePool ? _osds : _osds * _shards;
        int[] load = wholePool ? _total : _load;
        int[] low = wholePool ? _totalLow : _low;
        int[] high = wholePool ? _totalHigh : _high;
        for (int i = 0; i < count; i++)
        {
            bool wrong = upper ? load[i] > high[i] : load[i] < low[i];
            if (!wrong) { continue; }
            if (upper && TryPass(i, j => load[j] < high[j], wholePool)) { return true; }
            if (upper) { continue; }
            for (int from = 0; from < count; from++)
            {
                if (load[from] > low[from] && TryPass(from, j => j == i, wholePool)) { return true; }
            }
        }
        return false;
    }

    /// <summary>Breadth-first from a place (or an OSD's hub) to the nearest acceptable one; passes one leadership along.</summary>
    private bool TryPass(int from, Func<int, bool> accept, bool wholePool)
    {
        int places = _osds * _shards;
        int nodes = places + _osds; // hubs come behind the places
        int[] parent = new int[nodes];
        int[] by = new int[nodes]; // PG through which a place was reached, -1 = through the hub
        Array.Fill(parent, -1);
        Queue<int> queue = new();
        int start = wholePool ? places + from : from;
        parent[start] = start;
        queue.Enqueue(start);
        while (queue.Count > 0)
        {
            int node = queue.Dequeue();
            int found = wholePool ? (node >= places ? node - places : -1) : node;
            if (found >= 0 && node != start && accept(found))
            {
                Pass(start, node, parent, by, places);
                return true;
            }
            if (node >= places) { LeaveHub(node - places, node, parent, by, queue); }
            else { LeavePlace(node, parent, by, queue, wholePool ? places : -1); }
        }
        return false;
    }

    private void LeaveHub(int osd, int node, int[] parent, int[] by, Queue<int> queue)
    {
        for (int shard = 0; shard < _shards; shard++)
        {
            int place = Place(osd, shard);
            if (parent[place] < 0 && _load[place] > _low[place]) { Reach(place, node, -1, parent, by, queue); }
        }
    }

    private void LeavePlace(int place, int[] parent, int[] by, Queue<int> queue, int firstHub)
    {
        int osd = place / _shards;
        int shard = place % _shards;
        foreach (int pg in _pgsOf[place])
        {
            if (_leaders[pg] != osd) { continue; }
            foreach (int other in _members[pg])
            {
                int next = Place(other, shard);
                if (parent[next] < 0) { Reach(next, place, pg, parent, by, queue); }
            }
        }
        // Into the hub only when this place may lead one more.
        if (firstHub >= 0 && parent[firstHub + osd] < 0 && _load[place] < _high[place])
        {
            Reach(firstHub + osd, place, -1, parent, by, queue);
        }
    }

    private static void Reach(int node, int from, int pg, int[] parent, int[] by, Queue<int> queue)
    {
        parent[node] = from;
        by[node] = pg;
        queue.Enqueue(node);
    }

    private void Pass(int start, int end, int[] parent, int[] by, int places)
    {
        for (int node = end; node != start; node = parent[node])
        {
            if (by[node] < 0) { continue; }
            int pg = by[node];
            int loser = _leaders[pg];
            int winner = node / _shards;
            Invariant.Require(node < places);
            _leaders[pg] = winner;
            _load[Place(loser, _shardOf[pg])]--;
            _total[loser]--;
            _load[node]++;
            _total[winner]++;
        }
    }
}
