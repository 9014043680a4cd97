using System;
using System.Collections.Generic;

namespace Fastblock.Roles.Osd;

/// <summary>Operations of one kind, all made before the loop starts. An empty pool is back-pressure.</summary>
internal sealed class OpPool<T> where T : class
{
    private readonly Stack<T> _free;

    private readonly int _count;

    public OpPool(int count, Func<T> make)
    {
        _count = count;
        _free = new Stack<T>(count);
        for (int i = 0; i < count; i++) { _free.Push(make()); }
    }

    /// <summary>Operations that somebody has.</summary>
    public int InUse => _count - _free.Count;

    public bool IsEmpty => _free.Count == 0;

    public T? TryRent() => _free.TryPop(out T? op) ? op : null;

    public void Return(T op) => _free.Push(op);
}
