using Fastblock.Raft;

// Body of a frame of type Raft (docs/wire-protocol.md, "Replica to replica"): all that one loop iteration has for a peer.
//
//   header     8  u16 messages, u16 flags (1 = the sender's store is full, 2 = it is about to end), 4 reserved (0)
//   message   72  u64 group, u64 incarnation, u64 term, u64 index, u64 log term, u64 commit, u64 hint, i64 stamp,
//                 u8 kind, u8 flags, u16 entries, u32 reserved (0)
//     entry   16  u64 term, u32 payload bytes (multiple of 4096), u16 header bytes, u8 kind, u8 reserved (0)
//                 then one u32 CRC-32C per payload block, then the header, padded with zeros to a multiple of 8
//
// The payloads of all entries follow one another in the frame's payload. Sender and receiver are those of the connection.
// Matching code: RaftFrameWriter, RaftFrameReader.
namespace Fastblock.Roles.Replication;

/// <summary>Sizes and offsets of raft frames. All little-endian.</summary>
internal static class RaftFrameFormat
{
    public const int HeaderBytes = 8;
    public const int FlagsOffset = 2;
    public const ushort SenderIsFull = 1;
    public const ushort SenderIsEnding = 2;
    public const int MessageBytes = 72;
    public const int EntryBytes = 16;
    public const int EntryCountOffset = 66;

    /// <summary>Most messages in a frame; more go into the next one.</summary>
    public const int MaxMessages = 768;

    public static int PaddedHeader(int headerBytes) => (headerBytes + 7) & ~7;

    /// <summary>Bytes of an entry's description in the body.</summary>
    public static int BytesOfEntry(int headerBytes, int crcs) => EntryBytes + (crcs * sizeof(uint)) + PaddedHeader(headerBytes);

    public static bool IsKnown(MessageKind kind) => kind is >= MessageKind.Append and <= MessageKind.TimeoutNow;

    public static bool IsKnown(EntryKind kind) => kind is EntryKind.Data or EntryKind.NoOp or EntryKind.Config;
}
