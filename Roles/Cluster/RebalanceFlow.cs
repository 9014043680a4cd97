using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>
/// The flow behind <see cref="Rebalancer"/>, by successive shortest paths from a start that fulfils no bounds but costs nothing.
/// <para>Nodes: PGs; the slots of each PG (a slot that is taken stands for "this PG in this failure domain"); places (OSD, shard);
/// OSDs; domains; a root that wants everything. Whatever is too much or too little somewhere is the node's excess: a PG that lacks
/// a replica, a place over its bound (excess there, a lack at its OSD), and so on. Each path takes one unit from an excess to
/// the nearest lack; distances are found by Bellman and Ford with a queue, since taking a replica back costs less than nothing.</para>
/// </summary>
internal sealed class RebalanceFlow
{
    private const int Far = int.MaxValue / 2;

    private readonly IReadOnlyList<PlacementOsd> _osds;
    private readonly IReadOnlyList<RebalancePg> _pgs;
    private readonly int _replicas;
    private readonly int _shards;
    private readonly int[] _domainOf;
    private readonly int[][] _osdsOfDomain;
    private readonly int[][] _kept;           // by PG: OSDs where a replica costs nothing, by index
    private readonly int[][] _cheap;          // by PG: OSDs that have some of its data
    private readonly int[] _slots;            // by PG and slot: index of the OSD, -1 = free
    private readonly SortedSet<int>[] _slotsAt; // by place: the slots that are filled from there
    private readonly ShareBounds[] _bounds;   // by node, of the flow that leaves places, OSDs and domains upwards
    private readonly int[] _flow;             // the same
    private readonly int[] _excess, _distance, _parent;
    private readonly bool[] _isQueued;
    private readonly Queue<int> _queue = new();
    private readonly int _firstSlot, _firstPlace, _firstOsd, _firstDomain, _root;

    public RebalanceFlow(IReadOnlyList<PlacementOsd> osds, PlacementTargets targets, IReadOnlyList<RebalancePg> pgs, int replicas,
        int shards)
    {
        (_osds, _pgs, _replicas, _shards) = (osds, pgs, replicas, shards);
        _domainOf = targets.DomainOf.ToArray();
        _osdsOfDomain = GroupByDomain(_domainOf, targets.DomainCount);
        _firstSlot = pgs.Count;
        _firstPlace = _firstSlot + (pgs.Count * replicas);
        _firstOsd = _firstPlace + (osds.Count * shards);
        _firstDomain = _firstOsd + osds.Count;
        _root = _firstDomain + targets.DomainCount;
        int nodes = _root + 1;
        (_excess, _distance, _parent) = (new int[nodes], new int[nodes], new int[nodes]);
        (_flow, _bounds, _isQueued) = (new int[nodes], new ShareBounds[nodes], new bool[nodes]);
        _slots = new int[pgs.Count * replicas];
        _slotsAt = new SortedSet<int>[osds.Count * shards];
        for (int i = 0; i < _slotsAt.Length; i++) { _slotsAt[i] = []; }
        (_kept, _cheap) = (new int[pgs.Count][], new int[pgs.Count][]);
        SetBounds(targets);
        Begin();
    }

    /// <summary>Repairs all bounds.</summary>
    public void Run()
    {
        while (FindPaths())
        {
            int nearest = Far;
            for (int node = 0; node <= _root; node++)
            {
                if (_excess[node] < 0) { nearest = Math.Min(nearest, _distance[node]); }
            }
            Invariant.Require(nearest < Far); // a flow exists
            // All lacks at the same, smallest distance: paths that do not cross one already taken are still shortest ones.
            for (int node = 0; node <= _root; node++)
            {
                if (_excess[node] < 0 && _distance[node] == nearest && IsOpen(node)) { Push(node); }
            }
        }
    }

    public List<OsdId> MembersOf(int pg)
    {
        List<OsdId> members = [];
        for (int k = 0; k < _replicas; k++) { members.Add(_osds[_slots[(pg * _replicas) + k]].Id); }
        return members;
    }

    private static int[][] GroupByDomain(int[] domainOf, int domains)
    {
        List<int>[] groups = new List<int>[domains];
        for (int d = 0; d < domains; d++) { groups[d] = []; }
        for (int o = 0; o < domainOf.Length; o++) { groups[domainOf[o]].Add(o); }
        return Array.ConvertAll(groups, group => group.ToArray());
    }

    private void SetBounds(PlacementTargets targets)
    {
        int[] perShard = new int[_shards];
        foreach (RebalancePg pg in _pgs) { perShard[pg.Shard]++; }
        for (int s = 0; s < _shards; s++)
        {
            (ShareBounds[] osds, _) = targets.Bounds(perShard[s], _replicas);
            for (int o = 0; o < osds.Length; o++) { _bounds[Place(o, s)] = osds[o]; }
        }
        (ShareBounds[] whole, ShareBounds[] domains) = targets.Bounds(_pgs.Count, _replicas);
        whole.CopyTo(_bounds, _firstOsd);
        domains.CopyTo(_bounds, _firstDomain);
    }

    /// <summary>What is there now, one replica per failure domain.</summary>
    private void Begin()
    {
        Dictionary<uint, int> index = []; // looked up only
        for (int o = 0; o < _osds.Count; o++) { index.Add(_osds[o].Id.Value, o); }
        Array.Fill(_slots, -1);
        for (int p = 0; p < _pgs.Count; p++)
        {
            _kept[p] = Indexes(_pgs[p].Target, index);
            _cheap[p] = Indexes(_pgs[p].Holding, index);
            int taken = 0;
            foreach (int o in _kept[p])
            {
                // Two in one domain, whose OSDs were moved: swapping them costs nothing, so it does not matter which is taken.
                if (taken == _replicas || Uses(p, _domainOf[o])) { continue; }
                Fill((p * _replicas) + taken++, o);
            }
            _excess[p] = _replicas - taken;
        }
        for (int place = 0; place < _slotsAt.Length; place++)
        {
            Enter(_firstPlace + place, _slotsAt[place].Count, _firstOsd + (place / _shards));
        }
        for (int o = 0; o < _osds.Count; o++) { Enter(_firstOsd + o, 0, _firstDomain + _domainOf[o]); }
        for (int d = _firstDomain; d < _root; d++) { Enter(d, 0, _root); }
        _excess[_root] -= _pgs.Count * _replicas;
    }

    /// <summary>Passes on what came in, as far as the bounds allow; the rest is excess or lack.</summary>
    private void Enter(int node, int own, int above)
    {
        _excess[node] += own;
        _flow[node] = _bounds[node].Clamp(_excess[node]);
        _excess[node] -= _flow[node];
        _excess[above] += _flow[node];
    }

    private static int[] Indexes(IReadOnlyList<OsdId> ids, Dictionary<uint, int> index)
    {
        List<int> found = [];
        foreach (OsdId id in ids)
        {
            if (index.TryGetValue(id.Value, out int o) && !found.Contains(o)) { found.Add(o); }
        }
        return [.. found];
    }

    private int Place(int osd, int shard) => _firstPlace + (osd * _shards) + shard;

    private void Fill(int slot, int osd)
    {
        int shard = _pgs[slot / _replicas].Shard;
        if (_slots[slot] >= 0) { _ = _slotsAt[(_slots[slot] * _shards) + shard].Remove(slot); }
        _slots[slot] = osd;
        if (osd >= 0) { _ = _slotsAt[(osd * _shards) + shard].Add(slot); }
    }

    private bool Uses(int pg, int domain)
    {
        for (int k = pg * _replicas; k < (pg + 1) * _replicas; k++)
        {
            if (_slots[k] >= 0 && _domainOf[_slots[k]] == domain) { return true; }
        }
        return false;
    }

    private int Cost(int pg, int osd)
    {
        if (Array.IndexOf(_kept[pg], osd) >= 0) { return 0; }
        return Array.IndexOf(_cheap[pg], osd) >= 0 ? 1 : 2;
    }

    // ---- shortest paths ----

    /// <returns>False when nothing is in excess anywhere.</returns>
    private bool FindPaths()
    {
        Array.Fill(_distance, Far);
        for (int node = 0; node <= _root; node++)
        {
            if (_excess[node] > 0) { Reach(node, -1, 0); }
        }
        if (_queue.Count == 0) { return false; }
        while (_queue.TryDequeue(out int node))
        {
            _isQueued[node] = false;
            Leave(node, _distance[node]);
        }
        return true;
    }

    private void Reach(int node, int from, int distance)
    {
        if (distance >= _distance[node]) { return; }
        _distance[node] = distance;
        _parent[node] = from;
        if (_isQueued[node]) { return; }
        _isQueued[node] = true;
        _queue.Enqueue(node);
    }

    private void Leave(int node, int at)
    {
        if (node < _firstSlot) { LeavePg(node, at); }
        else if (node < _firstPlace) { LeaveSlot(node, at); }
        else if (node < _firstOsd)
        {
            int osd = (node - _firstPlace) / _shards;
            foreach (int slot in _slotsAt[node - _firstPlace]) { Reach(_firstSlot + slot, node, at - Cost(slot / _replicas, osd)); }
            LeaveUp(node, _firstOsd + osd, at);
        }
        else if (node < _firstDomain)
        {
            int osd = node - _firstOsd;
            LeaveUp(node, _firstDomain + _domainOf[osd], at);
            for (int s = 0; s < _shards; s++) { LeaveDown(node, Place(osd, s), at); }
        }
        else if (node < _root)
        {
            LeaveUp(node, _root, at);
            foreach (int osd in _osdsOfDomain[node - _firstDomain]) { LeaveDown(node, _firstOsd + osd, at); }
        }
        else
        {
            for (int d = _firstDomain; d < _root; d++) { LeaveDown(node, d, at); }
        }
    }

    private void LeavePg(int pg, int at)
    {
        int shard = _pgs[pg].Shard;
        for (int d = 0; d < _osdsOfDomain.Length; d++)
        {
            if (Uses(pg, d)) { continue; }
            foreach (int osd in _osdsOfDomain[d])
            {
                int place = Place(osd, shard);
                if (_distance[place] > at) { Reach(place, pg, at + Cost(pg, osd)); }
            }
        }
    }

    private void LeaveSlot(int node, int at)
    {
        int slot = node - _firstSlot;
        int pg = slot / _replicas;
        int filled = _slots[slot];
        Reach(pg, node, at);
        foreach (int osd in _osdsOfDomain[_domainOf[filled]])
        {
            if (osd != filled) { Reach(Place(osd, _pgs[pg].Shard), node, at + Cost(pg, osd)); }
        }
    }

    private void LeaveUp(int node, int above, int at)
    {
        if (_flow[node] < _bounds[node].High) { Reach(above, node, at); }
    }

    private void LeaveDown(int node, int below, int at)
    {
        if (_flow[below] > _bounds[below].Low) { Reach(below, node, at); }
    }

    // ---- taking a path ----

    /// <summary>Whether the path to a node still is what it was when it was found.</summary>
    private bool IsOpen(int end)
    {
        int node = end;
        for (; _parent[node] >= 0; node = _parent[node])
        {
            if (!IsOpen(_parent[node], node)) { return false; }
        }
        return _excess[node] > 0;
    }

    private bool IsOpen(int from, int to)
    {
        if (from < _firstSlot)
        {
            return !Uses(from, _domainOf[(to - _firstPlace) / _shards]);
        }
        if (from < _firstPlace)
        {
            int filled = _slots[from - _firstSlot];
            if (filled < 0 || to < _firstSlot) { return filled >= 0; }
            int osd = (to - _firstPlace) / _shards;
            return osd != filled && _domainOf[osd] == _domainOf[filled];
        }
        if (to < _firstPlace) { return _slots[to - _firstSlot] == (from - _firstPlace) / _shards; }
        return from < to ? _flow[from] < _bounds[from].High : _flow[to] > _bounds[to].Low;
    }

    private void Push(int end)
    {
        List<int> path = [end];
        for (int node = end; _parent[node] >= 0; node = _parent[node]) { path.Add(_parent[node]); }
        _excess[end]++;
        _excess[path[^1]]--;
        for (int i = path.Count - 1; i > 0; i--) { Take(path[i], path[i - 1]); }
    }

    private void Take(int from, int to)
    {
        if (from < _firstSlot) { Fill(FreeSlot(from), (to - _firstPlace) / _shards); }
        else if (from < _firstPlace) { Fill(from - _firstSlot, to < _firstSlot ? -1 : (to - _firstPlace) / _shards); }
        else if (to < _firstPlace) { } // the step from the slot onwards takes it away from the place
        else if (from < to) { _flow[from]++; }
        else { _flow[to]--; }
    }

    private int FreeSlot(int pg)
    {
        int slot = Array.IndexOf(_slots, -1, pg * _replicas, _replicas);
        Invariant.Require(slot >= 0);
        return slot;
    }
}
