using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>A command of the replication scenario: a unique number as header, blocks filled from it as payload.</summary>
internal static class GroupCommand
{
    public const int HeaderBytes = 16;

    public static void Encode(Span<byte> header, ulong number, int payloadBlocks)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(header, number);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], payloadBlocks);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], 0);
    }

    public static void FillPayload(PooledBuffer buffer, ulong number, int payloadBlocks)
    {
        for (int block = 0; block < payloadBlocks; block++)
        {
            buffer.Span(block * Units.BlockBytes, Units.BlockBytes).Fill(PatternOf(number, block));
        }
    }

    /// <summary>Objects when an entry's payload is not the one that was proposed.</summary>
    public static void CheckPayload(ReadOnlySpan<byte> header, PooledBuffer payload, int payloadBytes)
    {
        ulong number = BinaryPrimitives.ReadUInt64LittleEndian(header);
        int blocks = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        if (blocks * Units.BlockBytes != payloadBytes) { throw new SimFailure($"command {number} came with {payloadBytes} bytes of payload"); }
        for (int block = 0; block < blocks; block++)
        {
            if (payload.Span(block * Units.BlockBytes, Units.BlockBytes).ContainsAnyExcept(PatternOf(number, block)))
            {
                throw new SimFailure($"command {number} came with another payload in block {block}");
            }
        }
    }

    private static byte PatternOf(ulong number, int block) => unchecked((byte)((number * 7) + (ulong)block + 1));
}
