using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Log;

/// <summary>One entry read back from the log. Re-usable; its owner must <see cref="Clear"/> it to give the payload back.
/// One reactor's thread only.</summary>
internal sealed class LogEntryBuffer
{
    private readonly byte[] _header = new byte[LogLimits.MaxHeaderBytes];
    private readonly uint[] _crcs = new uint[LogLimits.MaxPayloadBlocks];
    private int _headerBytes;

    public PgId Group { get; private set; }
    public ulong Index { get; private set; }
    public ulong Term { get; private set; }
    public byte Kind { get; private set; }
    public ReadOnlySpan<byte> Header => _header.AsSpan(0, _headerBytes);
    public ReadOnlySpan<uint> Crcs => _crcs.AsSpan(0, PayloadBytes / Units.BlockBytes);

    /// <summary>A multiple of 4096; 0 = the entry has none.</summary>
    public int PayloadBytes { get; private set; }

    /// <summary>Where the payload lies on the shard's part. Readable there once the entry is durable.</summary>
    public LogLocation PayloadAt { get; private set; }

    /// <summary>The payload, when it was asked for: a reference of this object's own. Its bytes begin at
    /// <see cref="PayloadOffset"/>.</summary>
    public PooledBuffer? Payload { get; private set; }

    public int PayloadOffset { get; private set; }

    /// <summary>Forgets the entry and drops the payload.</summary>
    public void Clear()
    {
        Payload?.Release();
        Payload = null;
        _headerBytes = 0;
        PayloadBytes = 0;
        Index = 0;
    }

    internal void Set(PgId group, ulong index, ulong term, byte kind, ReadOnlySpan<byte> header, ReadOnlySpan<byte> crcs,
        LogLocation payloadAt)
    {
        Clear();
        (Group, Index, Term, Kind, PayloadAt) = (group, index, term, kind, payloadAt);
        header.CopyTo(_header);
        _headerBytes = header.Length;
        crcs.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_crcs.AsSpan()));
        PayloadBytes = crcs.Length / sizeof(uint) * Units.BlockBytes;
    }

    /// <summary>Takes over the caller's reference.</summary>
    internal void SetPayload(PooledBuffer payload, int offset) => (Payload, PayloadOffset) = (payload, offset);
}
