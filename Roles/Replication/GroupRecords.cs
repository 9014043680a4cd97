using System;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Raft;

// What a replica keeps in the shard's key-value store (docs/on-disk-format.md). All little-endian, reserved bytes 0.
//
//   g/<group, 16 hex digits>/cfg   u8 version 2, 7 reserved, u64 incarnation, u64 index of the entry that brought the configuration
//                                  (0 = founded with it), then the configuration as in that entry (Raft/RaftMembers.cs), or
//                                  nothing: the replica was made to join and does not know the members yet.
//                                  Version 1, still read: u8 version 1, u8 voters, u8 learners, 5 reserved, u64 incarnation,
//                                  then for each voter and learner: u32 node id, 16 bytes instance uuid; index 0
//   g/<group>/hs                   u8 version 1, 3 reserved, u32 vote (0xFFFFFFFF = none), u64 term, u64 incarnation
//   g/<group>/ci                   u8 version 1, 7 reserved, u64 index known to be committed, u64 incarnation
//   g/<group>/rec                  u8 version 2, u8 bits (1 = the state is incomplete, a hand-over is under way; 2 = and the log lost
//                                  entries that were acknowledged), 6 reserved, u64 incarnation, u64 term and u64 index of
//                                  the end of a log: votes are given as if the own log ended there (0, 0 = as it is).
//                                  Version 1 had u8 version 1, u8 lost (0 or 1), 6 reserved, u64 incarnation; or u8 version 1,
//                                  u8 2, 6 reserved, u64 incarnation, u64 index: complete, no votes before the log holds it
namespace Fastblock.Roles.Replication;

/// <summary>Keys and values of a group's own records.</summary>
internal static class GroupRecords
{
    public const int HardStateBytes = 24;
    public const int RecoveryBytes = 32;
    public const int CommitBytes = 24;
    private const byte Version = 1;
    private const byte RecoveryVersion = 2;
    private const int OldRecoveryBytes = 16;
    private const int OldNoVoteBytes = 24;
    private const int IncompleteBit = 1;
    private const int LostBit = 2;
    private const byte ConfigVersion = 2;
    private const int ConfigHeaderBytes = 24;
    private const int OldConfigHeaderBytes = 16;
    private const int MemberBytes = 20;

    /// <summary>Prefix of all records of all groups.</summary>
    public static ReadOnlySpan<byte> Prefix => "g/"u8;

    public static byte[] ConfigKey(PgId group) => Key(group, "cfg");

    public static byte[] HardStateKey(PgId group) => Key(group, "hs");

    public static byte[] RecoveryKey(PgId group) => Key(group, "rec");

    public static byte[] CommitKey(PgId group) => Key(group, "ci");

    /// <param name="members">The configuration, or <see cref="RaftMembers.Unknown"/>.</param>
    /// <param name="since">Index of the entry that brought it; 0 = the group was founded with it.</param>
    public static byte[] EncodeConfig(ulong incarnation, RaftMembers members, LogIndex since)
    {
        bool isKnown = members != RaftMembers.Unknown;
        byte[] bytes = new byte[ConfigHeaderBytes + (isKnown ? members.EncodedBytes : 0)];
        bytes[0] = ConfigVersion;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), since.Value);
        if (isKnown) { members.Encode(bytes.AsSpan(ConfigHeaderBytes)); }
        return bytes;
    }

    /// <summary>Any version.</summary>
    public static bool TryDecodeConfig(ReadOnlySpan<byte> from, out ulong incarnation, [NotNullWhen(true)] out RaftMembers? members, out LogIndex since)
    {
        members = null;
        since = default;
        incarnation = 0;
        if (from.Length < OldConfigHeaderBytes) { return false; }
        incarnation = BinaryPrimitives.ReadUInt64LittleEndian(from[8..]);
        if (from[0] == Version) { return TryDecodeOldConfig(from, out members); }
        if (from[0] != ConfigVersion || from.Length < ConfigHeaderBytes) { return false; }
        since = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[16..]));
        if (from.Length > ConfigHeaderBytes) { return RaftMembers.TryDecode(from[ConfigHeaderBytes..], out members); }
        members = RaftMembers.Unknown;
        return true;
    }

    private static bool TryDecodeOldConfig(ReadOnlySpan<byte> from, [NotNullWhen(true)] out RaftMembers? members)
    {
        members = null;
        int voters = from[1], learners = from[2];
        if (voters == 0 || voters + learners > ReplicationLimits.MaxMembers) { return false; }
        if (from.Length != OldConfigHeaderBytes + (MemberBytes * (voters + learners))) { return false; }
        RaftMembers decoded = new(
            DecodeOld(from.Slice(OldConfigHeaderBytes, MemberBytes * voters)),
            DecodeOld(from[(OldConfigHeaderBytes + (MemberBytes * voters))..]));
        members = decoded.IsValid ? decoded : null;
        return members != null;
    }

    public static void EncodeHardState(Span<byte> to, ulong incarnation, Term term, NodeId vote)
    {
        to[..HardStateBytes].Clear();
        to[0] = Version;
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], vote.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], incarnation);
    }

    /// <returns>False when it is malformed or of another incarnation.</returns>
    public static bool TryDecodeHardState(ReadOnlySpan<byte> from, ulong incarnation, out Term term, out NodeId vote)
    {
        term = default;
        vote = NodeId.None;
        if (from.Length != HardStateBytes || from[0] != Version) { return false; }
        if (BinaryPrimitives.ReadUInt64LittleEndian(from[16..]) != incarnation) { return false; }
        vote = new NodeId(BinaryPrimitives.ReadUInt32LittleEndian(from[4..]));
        term = new Term(BinaryPrimitives.ReadUInt64LittleEndian(from[8..]));
        return true;
    }

    public static void EncodeCommit(Span<byte> to, ulong incarnation, LogIndex index)
    {
        to[..CommitBytes].Clear();
        to[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], incarnation);
    }

    /// <returns>The index, or 0 when the record is malformed or of another incarnation.</returns>
    public static LogIndex DecodeCommit(ReadOnlySpan<byte> from, ulong incarnation) =>
        from.Length == CommitBytes && from[0] == Version && BinaryPrimitives.ReadUInt64LittleEndian(from[16..]) == incarnation
            ? new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[8..]))
            : default;

    public static void EncodeRecovery(Span<byte> to, ulong incarnation, in GroupRecovery recovery)
    {
        to[..RecoveryBytes].Clear();
        to[0] = RecoveryVersion;
        to[1] = (byte)((recovery.IsIncomplete ? IncompleteBit : 0) | (recovery.LostLog ? LostBit : 0));
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], recovery.VoteFloor.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], recovery.VoteFloor.Index.Value);
    }

    /// <summary>Any version. A record that is there but cannot be read marks a state that nobody vouches for.</summary>
    /// <param name="term">At least the newest term that the replica was in: a record of version 1 told only an index.</param>
    /// <returns>False when there is nothing to say, or it is of another incarnation.</returns>
    public static bool TryDecodeRecovery(ReadOnlySpan<byte> from, ulong incarnation, Term term, out GroupRecovery recovery)
    {
        recovery = default;
        if (from.Length < OldRecoveryBytes || BinaryPrimitives.ReadUInt64LittleEndian(from[8..]) != incarnation) { return false; }
        if (from[0] == Version && from.Length == OldRecoveryBytes)
        {
            recovery = new GroupRecovery(IsIncomplete: true, LostLog: from[1] != 0, default);
        }
        else if (from[0] == Version && from.Length == OldNoVoteBytes)
        {
            recovery = new GroupRecovery(false, false, new LogEnd(term, new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[16..]))));
        }
        else if (from[0] == RecoveryVersion && from.Length == RecoveryBytes)
        {
            LogEnd floor = new(new Term(BinaryPrimitives.ReadUInt64LittleEndian(from[16..])), new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[24..])));
            recovery = new GroupRecovery((from[1] & IncompleteBit) != 0, (from[1] & LostBit) != 0, floor);
        }
        else
        {
            recovery = new GroupRecovery(IsIncomplete: true, LostLog: true, default);
        }
        return true;
    }

    private static byte[] Key(PgId group, string name) =>
        Encoding.ASCII.GetBytes($"g/{group.Value.ToString("x16", CultureInfo.InvariantCulture)}/{name}");

    private static (NodeId Id, Guid Instance)[] DecodeOld(ReadOnlySpan<byte> from)
    {
        (NodeId Id, Guid Instance)[] members = new (NodeId, Guid)[from.Length / MemberBytes];
        for (int i = 0; i < members.Length; i++, from = from[MemberBytes..])
        {
            members[i] = (new NodeId(BinaryPrimitives.ReadUInt32LittleEndian(from)), new Guid(from.Slice(4, 16)));
        }
        return members;
    }
}
