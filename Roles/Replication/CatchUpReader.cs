using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

/// <summary>Reads a run of entries back from the device for a follower that is far behind. From a small pool of the host.</summary>
internal sealed class CatchUpReader
{
    /// <summary>Entries read at once.</summary>
    public const int Depth = 8;

    private readonly LogEntryBuffer[] _buffers = new LogEntryBuffer[Depth];
    private readonly ReactorTask<Errno>[] _reads = new ReactorTask<Errno>[Depth];
    private LogIndex _first;
    private int _count;

    public CatchUpReader()
    {
        for (int i = 0; i < Depth; i++) { _buffers[i] = new LogEntryBuffer(); }
    }

    public bool IsBusy { get; private set; }

    /// <summary>Outcome of the first read that failed, or None.</summary>
    public Errno Status { get; private set; }

    /// <summary>Finds an entry among those that were read.</summary>
    public bool TryGet(LogIndex index, out LogEntryBuffer? entry)
    {
        entry = null;
        if (IsBusy || index < _first || index - _first >= (ulong)_count) { return false; }
        entry = _buffers[index - _first];
        return true;
    }

    /// <summary>Reads up to <see cref="Depth"/> entries from <paramref name="first"/> on.</summary>
    public async ReactorTask ReadAsync(DiskLog log, PgId group, LogIndex first, int count)
    {
        Clear();
        IsBusy = true;
        _first = first;
        Status = Errno.None;
        for (int i = 0; i < count; i++) { _reads[i] = log.ReadAsync(group, first.Value + (ulong)i, true, _buffers[i]); }
        for (int i = 0; i < count; i++)
        {
            Errno status = await _reads[i];
            if (status == Errno.None && Status == Errno.None) { _count++; }
            if (status != Errno.None && Status == Errno.None) { Status = status; }
        }
        // What lies behind a gap is of no use now, and its buffer is to somebody else.
        for (int i = _count; i < count; i++) { _buffers[i].Clear(); }
        IsBusy = false;
    }

    /// <summary>Gives the payloads back.</summary>
    public void Clear()
    {
        _count = 0;
        foreach (LogEntryBuffer buffer in _buffers) { buffer.Clear(); }
    }
}
