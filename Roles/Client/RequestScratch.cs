using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Client;

/// <summary>Working memory for putting one request together, shared by all PGs of a client: what is sent is copied or
/// retained by the connection, so nothing here outlives the call.</summary>
internal sealed class RequestScratch
{
    private readonly uint[] _crcs = new uint[DataLimits.MaxBlocks];

    /// <param name="zeroBlock">One block of zeros, for the margins of fragments; stays the caller's.</param>
    public RequestScratch(PooledBuffer zeroBlock)
    {
        ZeroBlock = zeroBlock;
        zeroBlock.Span(0, Units.BlockBytes).Clear();
    }

    public PooledBuffer ZeroBlock { get; }

    public byte[] Body { get; } = new byte[DataRequest.HeaderBytes + DataLimits.MaxBlocks * sizeof(uint)];

    public PayloadPart[] Parts { get; private set; } = new PayloadPart[8];

    /// <summary>Makes room for <paramref name="parts"/> payload parts.</summary>
    public void Reserve(int parts)
    {
        if (Parts.Length < parts) { Parts = new PayloadPart[parts * 2]; }
    }

    /// <summary>One CRC-32C per block that [offset, offset + length) touches, over its data only, from the payload that
    /// lies in the first <paramref name="parts"/> parts (margins included).</summary>
    public ReadOnlySpan<uint> ComputeCrcs(uint offsetBytes, int lengthBytes, int parts)
    {
        int skip = (int)(offsetBytes % Units.BlockBytes);
        int blocks = DataLimits.TouchedBlocks(offsetBytes, (uint)lengthBytes);
        int room = Units.BlockBytes - skip; // bytes of data that still belong to the present block
        int left = lengthBytes;
        int block = 0;
        uint crc = 0;
        for (int p = skip > 0 ? 1 : 0; p < parts && left > 0; p++)
        {
            PayloadPart part = Parts[p];
            ReadOnlySpan<byte> bytes = part.Buffer.Span(part.Offset, Math.Min(part.Length, left));
            left -= bytes.Length;
            while (bytes.Length > 0)
            {
                int take = Math.Min(room, bytes.Length);
                crc = Crc32C.Append(crc, bytes[..take]);
                bytes = bytes[take..];
                room -= take;
                if (room > 0) { continue; }
                _crcs[block++] = crc;
                crc = 0;
                room = Units.BlockBytes;
            }
        }
        if (block < blocks) { _crcs[block] = crc; }
        return _crcs.AsSpan(0, blocks);
    }
}
