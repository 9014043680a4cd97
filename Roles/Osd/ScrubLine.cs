using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;

namespace Fastblock.Roles.Osd;

/// <summary>What one replica says of one object at a scrub's mark.</summary>
/// <param name="Object">Which.</param>
/// <param name="Version">At the mark; 0 = it was changed before its checksums could be taken, which says nothing.</param>
/// <param name="Digest">Over the checksums of all blocks, holes counting as zeros. 0 = they are damaged.</param>
/// <param name="BadBlocks">Blocks that did not match their checksums.</param>
internal readonly record struct ScrubLine(ObjectId Object, ulong Version, ulong Digest, uint BadBlocks)
{
    public const int SizeBytes = 32;

    public void Write(ref WireWriter writer)
    {
        writer.U64(Object.Image.Value);
        writer.U32(Object.Index);
        writer.U32(BadBlocks);
        writer.U64(Version);
        writer.U64(Digest);
    }

    /// <summary>Reads whole lines; what is left over is not one.</summary>
    public static void ReadAll(ReadOnlySpan<byte> items, List<ScrubLine> into)
    {
        WireReader reader = new(items);
        while (reader.Remaining >= SizeBytes)
        {
            _ = reader.TryU64(out ulong image);
            _ = reader.TryU32(out uint index);
            _ = reader.TryU32(out uint bad);
            _ = reader.TryU64(out ulong version);
            _ = reader.TryU64(out ulong digest);
            into.Add(new ScrubLine(new ObjectId(new ImageId(image), index), version, digest, bad));
        }
    }
}
