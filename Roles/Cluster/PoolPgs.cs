using System;

namespace Fastblock.Roles.Cluster;

/// <summary>A pool's record and its PGs by number. The records of a pool and its PGs arrive in any order, so either part may
/// be missing for a while.</summary>
internal sealed class PoolPgs
{
    private PgInfo?[] _pgs = [];
    private int _count;

    public PoolInfo? Info { get; private set; }

    /// <summary>By number; at least PgCount long once the pool's record is there.</summary>
    public PgInfo?[] Pgs => _pgs;

    public bool IsEmpty => Info is null && _count == 0;

    public void Set(PoolInfo? info)
    {
        Info = info;
        if (info is not null && info.PgCount > _pgs.Length) { Array.Resize(ref _pgs, info.PgCount); }
    }

    /// <returns>How many PGs this added: 1 or 0.</returns>
    public int Put(PgInfo pg)
    {
        int number = (int)pg.Id.Number;
        if (number >= _pgs.Length) { Array.Resize(ref _pgs, Math.Max(number + 1, _pgs.Length * 2)); }
        int added = _pgs[number] is null ? 1 : 0;
        _pgs[number] = pg;
        _count += added;
        return added;
    }

    /// <returns>How many PGs this removed: 1 or 0.</returns>
    public int Remove(uint number)
    {
        if (number >= (uint)_pgs.Length || _pgs[number] is null) { return 0; }
        _pgs[number] = null;
        _count--;
        return 1;
    }
}
