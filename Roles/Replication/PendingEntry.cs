using System;
using System.Runtime.InteropServices;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

/// <summary>An entry that is in the log and not applied yet: its description, without the payload.</summary>
internal struct PendingEntry
{
    public Term Term;
    public EntryKind Kind;
    public int PayloadBytes;

    /// <summary>As of the append; the cleaner may have moved it since.</summary>
    public LogLocation PayloadAt;

    /// <summary>Who proposed it here, or null.</summary>
    public IProposalWaiter? Waiter;

    /// <summary>Crcs, then the header. From the host's pool.</summary>
    public byte[] Bytes;
    private int _crcBytes;
    private int _headerBytes;

    public readonly ReadOnlySpan<byte> Header => Bytes.AsSpan(_crcBytes, _headerBytes);

    public readonly ReadOnlySpan<uint> Crcs => MemoryMarshal.Cast<byte, uint>(Bytes.AsSpan(0, _crcBytes));

    public static int BytesFor(int headerBytes, int crcs) => (crcs * sizeof(uint)) + headerBytes;

    /// <summary>Copies both into <paramref name="bytes"/>, which is kept.</summary>
    public void SetBytes(byte[] bytes, ReadOnlySpan<byte> header, ReadOnlySpan<uint> crcs)
    {
        Bytes = bytes;
        _crcBytes = crcs.Length * sizeof(uint);
        _headerBytes = header.Length;
        MemoryMarshal.AsBytes(crcs).CopyTo(bytes);
        header.CopyTo(bytes.AsSpan(_crcBytes));
    }

    public readonly EntryView View(LogIndex index) => new()
    {
        Index = index,
        Term = Term,
        Kind = Kind,
        Header = Header,
        PayloadBytes = PayloadBytes,
    };
}
