using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>The configurations along a log: the one in force where the log begins, and those of its entries of kind Config. The
/// newest counts from when it is appended, and its predecessor again when it is cut off (thesis 4.1). As many as the log holds:
/// a handful, because changes are made by people and failures.</summary>
internal sealed class ConfigTrack
{
    private LogIndex[] _index = new LogIndex[4];
    private RaftMembers[] _members = new RaftMembers[4];
    private int _count;

    /// <param name="members">In force at <paramref name="index"/>; not to be cut off any more.</param>
    /// <param name="index">Of the entry that brought it; 0 = the group was founded with it.</param>
    public ConfigTrack(RaftMembers members, LogIndex index = default) => Reset(members, index);

    /// <summary>The newest configuration: the one that counts.</summary>
    public RaftMembers Current => _members[_count - 1];

    /// <summary>Index of the entry that brought <see cref="Current"/>; 0 = the group was founded with it.</summary>
    public LogIndex CurrentIndex => _index[_count - 1];

    /// <summary>How many are kept.</summary>
    public int Count => _count;

    /// <summary>An entry of kind Config was appended at <paramref name="index"/>. Those at or below the base are known already
    /// and left out.</summary>
    public void Append(LogIndex index, RaftMembers members)
    {
        if (index <= _index[0]) { return; }
        Invariant.Require(index > CurrentIndex);
        if (_count == _index.Length)
        {
            Array.Resize(ref _index, _count * 2);
            Array.Resize(ref _members, _count * 2);
        }
        _index[_count] = index;
        _members[_count++] = members;
    }

    /// <summary>The log was cut off: <paramref name="from"/> and everything behind it is gone.</summary>
    public void Truncate(LogIndex from)
    {
        while (_count > 1 && _index[_count - 1] >= from) { _members[--_count] = null!; }
    }

    /// <summary>Everything up to <paramref name="upTo"/> left the log, or will never be cut off.</summary>
    public void Compact(LogIndex upTo)
    {
        int drop = At(upTo);
        if (drop == 0) { return; }
        Array.Copy(_index, drop, _index, 0, _count - drop);
        Array.Copy(_members, drop, _members, 0, _count - drop);
        Array.Clear(_members, _count - drop, drop);
        _count -= drop;
    }

    /// <summary>The log begins anew: behind a state that was received, with the configuration of that state.</summary>
    public void Reset(RaftMembers members, LogIndex index)
    {
        Array.Clear(_members);
        _index[0] = index;
        _members[0] = members;
        _count = 1;
    }

    /// <summary>The configuration in force at <paramref name="index"/>, which is not before the base's: what a state up to there
    /// has to carry.</summary>
    /// <param name="since">Index of the entry that brought it.</param>
    public RaftMembers At(LogIndex index, out LogIndex since)
    {
        int at = At(index);
        since = _index[at];
        return _members[at];
    }

    /// <summary>Index of the first configuration behind <paramref name="after"/>.</summary>
    public bool TryNext(LogIndex after, out LogIndex next)
    {
        for (int i = 0; i < _count; i++)
        {
            next = _index[i];
            if (next > after) { return true; }
        }
        next = default;
        return false;
    }

    private int At(LogIndex index)
    {
        int at = _count - 1;
        while (at > 0 && _index[at] > index) { at--; }
        return at;
    }
}
