using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Who the monitors are and where, as far as this one knows: from what its device remembers, from its own copy of the map,
/// or from another monitor that it asked. The newest counts. It decides about connections and about giving up, never about majorities:
/// those are the log's.</summary>
internal sealed class Roster
{
    private IReadOnlyList<MonInfo> _mons = [];

    public IReadOnlyList<MonInfo> Mons => _mons;

    /// <summary>Of the store, when this was the list; 0 = it is the one that the founders were made with.</summary>
    public ulong Revision { get; private set; }

    /// <returns>False when what is known already is newer.</returns>
    public bool Offer(ulong revision, IReadOnlyList<MonInfo> mons)
    {
        if (revision < Revision || mons.Count == 0) { return false; }
        (Revision, _mons) = (revision, mons);
        return true;
    }

    public MonInfo? Find(uint id)
    {
        foreach (MonInfo mon in _mons)
        {
            if (mon.Id.Value == id) { return mon; }
        }
        return null;
    }

    /// <summary>Is this store one of them? A list from an older version names no stores.</summary>
    public bool Names(MonId id, Guid store) => Find(id.Value) is { } mon && (mon.Store == store || mon.Store == Guid.Empty);
}
