using System;
using System.Buffers.Binary;
using Fastblock.Raft;

// What goes with a state that is handed over, beside the state's own (index, term); little-endian (docs/wire-protocol.md):
//
//   u8 version 1, 7 reserved (0), u64 term of the leader, u64 last index of its log, u64 index of the entry that brought the
//   configuration, then the configuration as in that entry (Raft/RaftMembers.cs)
namespace Fastblock.Roles.Replication;

/// <summary>Where a log begins anew: behind a state up to an index. <see cref="RaftGroup.TryDescribeBase"/> makes it on the leader,
/// <see cref="RaftGroup.InstallBase"/> takes it on the follower; roles carry its bytes.</summary>
internal sealed record GroupBase
{
    /// <summary>Longest encoding.</summary>
    public const int MaxBytes = HeaderBytes + RaftMembers.MaxEncodedBytes;

    private const byte Version = 1;
    private const int HeaderBytes = 32;

    /// <summary>The state's.</summary>
    public required LogIndex Index { get; init; }

    /// <summary>Term of the entry at <see cref="Index"/>.</summary>
    public required Term Term { get; init; }

    /// <summary>End of the leader's log after it knew that the replica needs the state: what a damaged log lost of what was
    /// acknowledged lies at or before it. Term 0 = not told (an older version): the follower's own is taken.</summary>
    public required LogEnd LeaderEnd { get; init; }

    /// <summary>In force at <see cref="Index"/>; null = not told (an older version): as it was here.</summary>
    public RaftMembers? Members { get; init; }

    /// <summary>Index of the entry that brought them; 0 = the group was founded with them.</summary>
    public LogIndex MembersSince { get; init; }

    public byte[] Encode()
    {
        byte[] bytes = new byte[HeaderBytes + (Members?.EncodedBytes ?? 0)];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), LeaderEnd.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), LeaderEnd.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), MembersSince.Value);
        Members?.Encode(bytes.AsSpan(HeaderBytes));
        return bytes;
    }

    /// <summary>The same for the wire: nothing while the founding members are in force, which an older version understands.</summary>
    public byte[] EncodeForPeer(LogIndex newest) => newest == default ? [] : Encode();

    /// <summary>Bytes from outside.</summary>
    /// <param name="from">Empty = from an older version.</param>
    /// <param name="leaderLast">What an older version tells instead.</param>
    /// <returns>Null = malformed, or contradicts itself.</returns>
    public static GroupBase? Decode(ReadOnlySpan<byte> from, LogIndex index, Term term, LogIndex leaderLast)
    {
        if (from.IsEmpty) { return new GroupBase { Index = index, Term = term, LeaderEnd = new LogEnd(default, leaderLast) }; }
        if (from.Length < HeaderBytes || from[0] != Version || from[1..8].ContainsAnyExcept((byte)0)) { return null; }
        RaftMembers? members = null;
        if (from.Length > HeaderBytes && !RaftMembers.TryDecode(from[HeaderBytes..], out members)) { return null; }
        GroupBase decoded = new()
        {
            Index = index,
            Term = term,
            LeaderEnd = new LogEnd(new Term(BinaryPrimitives.ReadUInt64LittleEndian(from[8..])), new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[16..]))),
            Members = members,
            MembersSince = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[24..])),
        };
        bool isSound = decoded.MembersSince <= index && decoded.LeaderEnd.Index >= index && decoded.LeaderEnd.Term >= term &&
            decoded.LeaderEnd.Index.Value <= RaftLimits.MaxNumber && decoded.LeaderEnd.Term.Value <= RaftLimits.MaxNumber;
        return isSound ? decoded : null;
    }
}
