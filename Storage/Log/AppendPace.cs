using System;

namespace Fastblock.Storage.Log;

/// <summary>Lets new entries in no faster than the cleaner makes room for them, once little room is left.
/// <para>To free its oldest segment the log may have to move nearly everything home that lies in it: seconds of work, at the end of which nearly
/// all of it is free. Entries that came at full speed meanwhile would fill the rest at once and then wait for all of that work. So what is left
/// when a pass begins is given out in proportion to the pass's progress: writers get slower for a while, and none of them waits long.</para></summary>
internal sealed class AppendPace(DiskLog log, LogCleaner cleaner)
{
    /// <summary>Progress is told in parts of this.</summary>
    public const int Whole = 1000;

    private long _room;

    /// <summary>A pass of the cleaner begins.</summary>
    public void Begin() => _room = Math.Min(log.EntryRoom, log.PacedRoom);

    public void End() => _room = 0;

    /// <summary>Half a segment may always come: a short pass has no progress to tell, and frees a whole one.</summary>
    public bool HoldsBack => log.EntryRoom < (_room / Whole * (Whole - cleaner.Progress)) - (log.SegmentBytes / 2);
}
