using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>What an object holds, as a number that is the same on all replicas that hold the same, wherever the blocks lie; a
/// hole counts as a block of zeros.</summary>
/// <param name="Digest">Over the CRC-32C of every block, in order.</param>
internal readonly record struct ObjectChecksum(ObjectId Object, ulong Version, ulong Digest)
{
    /// <summary>One number for a whole list, which must be in order of objects. Empty objects do not count: a replica may have
    /// forgotten them already.</summary>
    /// <param name="emptyDigest">Digest of an object without data.</param>
    public static ulong Combine(IReadOnlyList<ObjectChecksum> objects, ulong emptyDigest)
    {
        ulong digest = 0;
        for (int i = 0; i < objects.Count; i++)
        {
            if (objects[i].Digest == emptyDigest) { continue; }
            digest = Mix.Fold(Mix.Fold(digest, objects[i].Object.Image.Value), objects[i].Object.Index);
            digest = Mix.Fold(Mix.Fold(digest, objects[i].Version), objects[i].Digest);
        }
        return digest;
    }
}
