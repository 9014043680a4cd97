using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>Reads objects whole to prove that they are what their checksums say (fsck) and to compare replicas. Goes through the
/// ordinary read path, so it works on a store in use as well; one object's piece at a time.</summary>
internal sealed class ObjectAudit(ObjectStore store)
{
    /// <summary>Blocks read at once.</summary>
    private const int PieceBlocks = 128;

    private readonly AwaitedRead _read = new(store);
    private readonly ObjectVersion[] _page = new ObjectVersion[256];
    private long _damages;
    private long _blocks;

    /// <summary>Digest of an object that holds nothing but holes.</summary>
    public ulong EmptyDigest
    {
        get
        {
            ulong digest = 0;
            for (int b = 0; b < store.Options.BlocksPerObject; b++) { digest = Mix.Fold(digest, store.ZeroBlockCrc); }
            return digest;
        }
    }

    /// <summary>Checksums of all objects of the group, in order. Meaningful for comparing only when nothing is written meanwhile.</summary>
    /// <returns>None; BadMessage = at least one object could not be read (its digest is 0); NoBuffers.</returns>
    public async ReactorTask<Errno> ChecksumAsync(PgId group, List<ObjectChecksum> into, IObjectDamageSink? damage = null)
    {
        into.Clear();
        _damages = 0;
        ObjectId? after = null;
        while (true)
        {
            int count = store.List(group, after, _page);
            for (int i = 0; i < count; i++)
            {
                ObjectVersion obj = _page[i];
                into.Add(new ObjectChecksum(obj.Object, obj.Version, await DigestAsync(group, obj.Object, damage)));
            }
            if (count < _page.Length) { break; }
            after = _page[count - 1].Object;
        }
        return _damages == 0 ? Errno.None : Errno.BadMessage;
    }

    /// <summary>fsck of an open store: reads every block of every object (those in the overlay where the log has them) and looks
    /// for lost space. Double references are found by <see cref="ObjectStore.Load"/>.</summary>
    public async ReactorTask<ObjectAuditResult> CheckAsync(IObjectDamageSink? damage)
    {
        _blocks = 0;
        long objects = 0, damages = 0;
        List<PgId> groups = [];
        List<ObjectChecksum> sums = [];
        store.GetGroups(groups);
        foreach (PgId group in groups)
        {
            _ = await ChecksumAsync(group, sums, damage);
            objects += sums.Count;
            damages += _damages;
        }
        long leaked = store.LeakedAus;
        if (leaked != 0)
        {
            damages++;
            damage?.OnDamage(default, default, ObjectDamage.Leak, -1);
        }
        return new ObjectAuditResult(objects, _blocks, damages, leaked);
    }

    private async ReactorTask<ulong> DigestAsync(PgId group, ObjectId obj, IObjectDamageSink? damage)
    {
        ulong digest = 0;
        bool bad = false;
        for (int at = 0; at < store.Options.BlocksPerObject;)
        {
            int blocks = System.Math.Min(PieceBlocks, store.Options.BlocksPerObject - at);
            PooledBuffer? buffer = store.Reactor.Buffers.TryRent(blocks * Units.BlockBytes, BufferUse.Client);
            if (buffer is null)
            {
                await store.Reactor.Delay(Units.NanosPerMilli);
                continue;
            }
            while (true)
            {
                Errno status = await _read.RunAsync(group, obj, at, blocks, buffer);
                if (status is Errno.None) { break; }
                bad = true;
                _damages++;
                int badBlock = status is Errno.BadMessage ? _read.BadBlock : at;
                damage?.OnDamage(
                    group, obj, status is Errno.BadMessage ? ObjectDamage.BadBlock : ObjectDamage.Unreadable, badBlock);
                // What lies behind the bad block is looked at, too.
                blocks -= badBlock + 1 - at;
                at = badBlock + 1;
                if (blocks == 0) { break; }
            }
            if (blocks > 0) { digest = Fold(digest); }
            _blocks += blocks;
            at += blocks;
            buffer.Release();
        }
        return bad ? 0 : digest;
    }

    private ulong Fold(ulong digest)
    {
        foreach (uint crc in _read.Crcs) { digest = Mix.Fold(digest, crc); }
        return digest;
    }
}
