using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Raft;

// Bodies of the frames Heartbeat and HeartbeatAck (docs/wire-protocol.md, "Merged heartbeats"). All little-endian.
//
//   Heartbeat     40  u64 session, u64 from version, u64 version, i64 sent at, u32 changes, u32 reserved (0)
//     change      32  u32 slot, u8 added (0 or 1), 3 reserved (0), u64 group, u64 incarnation, u64 term
//   HeartbeatAck  32  u64 session, u64 version, i64 sent at, u32 left slots, u32 bits: 1 = valid, 2 = the sender's store is full
//     left         4  u32 slot
namespace Fastblock.Roles.Replication;

/// <summary>Codec of the merged heartbeats.</summary>
internal static class HeartbeatFrames
{
    public const int BeatBytes = 40;
    public const int ChangeBytes = 32;
    public const int AckBytes = 32;
    private const uint ValidBit = 1;
    private const uint FullBit = 2;
    public const int MaxBytes = BeatBytes + (ChangeBytes * HeartbeatSender.MaxChanges);

    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> to, in HeartbeatBeat beat, ReadOnlySpan<HeartbeatChange> changes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to, beat.Session);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], beat.FromVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], beat.Version);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], beat.SentAt);
        BinaryPrimitives.WriteUInt64LittleEndian(to[32..], (ulong)changes.Length);
        Span<byte> at = to[BeatBytes..];
        foreach (HeartbeatChange change in changes)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(at, change.Slot);
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], change.IsAdded ? 1u : 0u);
            BinaryPrimitives.WriteUInt64LittleEndian(at[8..], change.Group.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(at[16..], change.Incarnation);
            BinaryPrimitives.WriteUInt64LittleEndian(at[24..], change.Term.Value);
            at = at[ChangeBytes..];
        }
        return BeatBytes + (ChangeBytes * changes.Length);
    }

    /// <param name="changes">Room for <see cref="HeartbeatSender.MaxChanges"/>.</param>
    public static bool TryRead(ReadOnlySpan<byte> from, out HeartbeatBeat beat, Span<HeartbeatChange> changes, out int count)
    {
        beat = default;
        count = 0;
        if (from.Length < BeatBytes) { return false; }
        beat = new HeartbeatBeat(
            BinaryPrimitives.ReadUInt64LittleEndian(from),
            BinaryPrimitives.ReadUInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[24..]));
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(from[32..]);
        if (length > (ulong)changes.Length || from.Length != BeatBytes + (ChangeBytes * (int)length)) { return false; }
        // The version after a change may not wrap around.
        if (beat.Version is 0 or > RaftLimits.MaxNumber || beat.FromVersion > beat.Version) { return false; }
        from = from[BeatBytes..];
        for (; count < (int)length; count++, from = from[ChangeBytes..])
        {
            uint added = BinaryPrimitives.ReadUInt32LittleEndian(from[4..]);
            if (added > 1) { return false; }
            changes[count] = new HeartbeatChange(
                BinaryPrimitives.ReadUInt32LittleEndian(from),
                added == 1,
                new PgId(BinaryPrimitives.ReadUInt64LittleEndian(from[8..])),
                BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
                new Term(BinaryPrimitives.ReadUInt64LittleEndian(from[24..])));
        }
        return true;
    }

    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> to, in HeartbeatAck ack, ReadOnlySpan<uint> left)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to, ack.Session);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], ack.Version);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], ack.SentAt);
        BinaryPrimitives.WriteUInt32LittleEndian(to[24..], (uint)left.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(to[28..], (ack.IsValid ? ValidBit : 0) | (ack.IsFull ? FullBit : 0));
        for (int i = 0; i < left.Length; i++) { BinaryPrimitives.WriteUInt32LittleEndian(to[(AckBytes + (4 * i))..], left[i]); }
        return AckBytes + (4 * left.Length);
    }

    /// <param name="left">Room for <see cref="HeartbeatReceiver.MaxLeft"/>.</param>
    public static bool TryRead(ReadOnlySpan<byte> from, out HeartbeatAck ack, Span<uint> left, out int count)
    {
        ack = default;
        count = 0;
        if (from.Length < AckBytes) { return false; }
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(from[24..]);
        uint bits = BinaryPrimitives.ReadUInt32LittleEndian(from[28..]);
        if (bits > (ValidBit | FullBit) || length > (uint)left.Length || from.Length != AckBytes + (4 * (int)length)) { return false; }
        ack = new HeartbeatAck(
            BinaryPrimitives.ReadUInt64LittleEndian(from),
            BinaryPrimitives.ReadUInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
            (bits & ValidBit) != 0)
        {
            IsFull = (bits & FullBit) != 0,
        };
        for (; count < (int)length; count++)
        {
            left[count] = BinaryPrimitives.ReadUInt32LittleEndian(from[(AckBytes + (4 * count))..]);
        }
        return true;
    }
}
