using System.Collections.Generic;

namespace Fastblock.Storage.Log;

/// <summary>What memory knows of one place of the ring.</summary>
internal struct SegmentState()
{
    /// <summary>Entries of one group that were written into the segment, as a range of indexes. Not all of them need be live
    /// or even there: the group's index says.</summary>
    internal struct Span
    {
        public LogGroup Group;
        public ulong First;
        public ulong Last;
    }

    /// <summary>Sequence of the segment's first batch; 0 = none yet.</summary>
    public ulong FirstBatch;

    /// <summary>Chain value before the first batch; known once that batch was handed to the device.</summary>
    public uint FirstChain;

    /// <summary>Device reads of entries under way in it: it must not be used again before they end.</summary>
    public int Readers;

    public List<Span> Spans { get; } = new(8);
}
