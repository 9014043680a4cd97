using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Objects;

/// <summary>The objects of one shard. Applying is memory-only and synchronous: the data stay where the log put them until the
/// log's cleaner moves them home. One reactor's thread only.</summary>
internal sealed class ObjectStore
{
    /// <summary>At append: sets aside the room that the write may need when it moves home. NoSpace = refuse the entry. Every
    /// success is used up by one <see cref="ApplyWrite"/> of the object or given back by one <see cref="Release"/>.</summary>
    public Errno TryReserve(PgId group, ObjectId obj, int firstBlock, int blocks) => throw new NotSupportedException();

    /// <summary>Gives back one reservation of a write that will not be applied (its entry was truncated).</summary>
    public void Release(PgId group, ObjectId obj) => throw new NotSupportedException();

    /// <summary>Makes a committed write visible; whole blocks, one CRC-32C each. Skipped if the object already holds
    /// <paramref name="version"/> (Raft index), as on replay.</summary>
    public void ApplyWrite(
        PgId group, ObjectId obj, ulong version, int firstBlock, int blocks, LogLocation at, ReadOnlySpan<uint> crcs) =>
        throw new NotSupportedException();

    /// <summary>Whole blocks become holes; their space is freed in the background.</summary>
    public void ApplyDiscard(PgId group, ObjectId obj, ulong version, int firstBlock, int blocks) =>
        throw new NotSupportedException();

    /// <summary>Whole blocks read as zeros from now on; same effect as a discard.</summary>
    public void ApplyWriteZeroes(PgId group, ObjectId obj, ulong version, int firstBlock, int blocks) =>
        throw new NotSupportedException();

    /// <summary>The whole object becomes one hole.</summary>
    public void ApplyDelete(PgId group, ObjectId obj, ulong version) => throw new NotSupportedException();

    /// <summary>Removes the image's objects in this group (committed at <paramref name="version"/>); older entries of it that
    /// are applied later (replay) are skipped.</summary>
    public void DeleteImage(PgId group, ImageId image, ulong version) => throw new NotSupportedException();

    /// <summary>Removes everything of the group.</summary>
    public void DeleteGroup(PgId group) => throw new NotSupportedException();

    /// <summary>Starts a read; completes later through <see cref="ObjectRead.OnCompleted"/>.</summary>
    public void Read(ObjectRead read) => throw new NotSupportedException();

    /// <summary>Version of an object (Raft index of its last change); 0 = does not exist.</summary>
    public ulong VersionOf(PgId group, ObjectId obj) => throw new NotSupportedException();

    /// <summary>Bit b % 64 of word b / 64 is set when block b holds data (else it is a hole). Returns the version.</summary>
    public ulong GetBlockMap(PgId group, ObjectId obj, Span<ulong> map) => throw new NotSupportedException();

    /// <summary>Next objects of the group in (image, index) order after <paramref name="after"/>; returns how many.</summary>
    public int List(PgId group, ObjectId? after, Span<ObjectVersion> page) => throw new NotSupportedException();

    /// <summary>Usage of every image with objects in the group, ordered by image.</summary>
    public void GetUsage(PgId group, List<ImageUsage> into) => throw new NotSupportedException();

    /// <summary>Size of the data region.</summary>
    public long TotalBytes => throw new NotSupportedException();

    /// <summary>Allocated, including what is being freed.</summary>
    public long UsedBytes => throw new NotSupportedException();

    /// <summary>Promised to writes that are not home yet, plus the fixed reserve.</summary>
    public long ReservedBytes => throw new NotSupportedException();

    /// <summary>What new writes can still get.</summary>
    public long FreeBytes => throw new NotSupportedException();
}
