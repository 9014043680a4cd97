using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Replication;
using Google.Protobuf;

namespace Fastblock.Roles.Mon;

/// <summary>
/// Transactions as raft entries. The bytes of a StoreTransaction are cut into parts that each fit into an entry's header, so
/// that applying never has to read a payload back from the device. The parts of one transaction are consecutive entries
/// of one term; only the last makes it happen. Part 0 begins anew: what a lost leader left half written is dropped by
/// every monitor at the same place in the log.
/// <code>
/// offset  size  of each entry's header, little-endian
///      0     1  version, 1
///      1     1  flags: bit 0 = last part
///      2     2  number of the part, from 0
///      4     4  bytes that follow
///      8     .  a piece of the transaction
/// </code>
/// </summary>
internal sealed class TransactionParts
{
    public const byte Version = 1;
    public const int PrefixBytes = 8;
    public const int PieceBytes = ReplicationLimits.MaxHeaderBytes - PrefixBytes;
    private const byte LastFlag = 1;

    private readonly List<byte> _collected = [];
    private int _nextPart;

    /// <summary>Parts of a transaction are here, and more are to come: the durable applied index must stay before them.</summary>
    public bool IsOpen => _nextPart > 0;

    /// <summary>Cuts a transaction into headers.</summary>
    public static List<byte[]> Split(StoreTransaction transaction)
    {
        byte[] all = transaction.ToByteArray();
        Invariant.Require(all.Length <= MonLimits.TransactionBytes);
        List<byte[]> headers = [];
        int at = 0;
        do
        {
            int length = Math.Min(PieceBytes, all.Length - at);
            byte[] header = new byte[PrefixBytes + length];
            header[0] = Version;
            header[1] = at + length == all.Length ? LastFlag : (byte)0;
            BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(2), (ushort)headers.Count);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), length);
            all.AsSpan(at, length).CopyTo(header.AsSpan(PrefixBytes));
            headers.Add(header);
            at += length;
        }
        while (at < all.Length);
        return headers;
    }

    /// <summary>Takes the next committed header.</summary>
    /// <returns>The transaction when this was its last part, else null: also for bytes that make no sense, which change
    /// nothing on any monitor.</returns>
    public StoreTransaction? Add(ReadOnlySpan<byte> header)
    {
        if (header.Length < PrefixBytes || header[0] != Version) { return Drop(); }
        int part = BinaryPrimitives.ReadUInt16LittleEndian(header[2..]);
        int length = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        if (length != header.Length - PrefixBytes) { return Drop(); }
        if (part == 0) { _ = Drop(); }
        if (part != _nextPart || _collected.Count + length > MonLimits.TransactionBytes) { return Drop(); }
        _collected.AddRange(header[PrefixBytes..]);
        _nextPart++;
        if ((header[1] & LastFlag) == 0) { return null; }
        bool valid = ProtoReader.TryParse(StoreTransaction.Parser, _collected.ToArray(), out StoreTransaction transaction);
        _ = Drop();
        return valid ? transaction : null;
    }

    private StoreTransaction? Drop()
    {
        _collected.Clear();
        _nextPart = 0;
        return null;
    }
}
