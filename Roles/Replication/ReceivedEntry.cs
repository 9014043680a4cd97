using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Where an entry of a received raft frame lies. Offsets into the frame's body and payload.</summary>
internal struct ReceivedEntry
{
    public Term Term;
    public EntryKind Kind;
    public int CrcOffset;
    public int Crcs;
    public int HeaderOffset;
    public int HeaderBytes;
    public int PayloadOffset;
    public int PayloadBytes;
}
