using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>Images that were removed or became smaller: the leader logs what the map says, every replica frees the room when it
/// applies the entry, and the leader reports that. Nothing of it is remembered beside the log: a new leader begins again with
/// what the map still lists, and doing it twice does no harm.</summary>
internal sealed partial class PgReplica
{
    /// <summary>Applied, and still in the map.</summary>
    private readonly List<ImageId> _purged = [];

    /// <summary>Entries under way, of either kind: no image is removed and cut at once.</summary>
    private readonly List<ImageId> _freeing = [];

    /// <summary>Cuts applied here; counts changes that are to be reported.</summary>
    private int _cuts;

    /// <summary>Proposes what the map asks for and this PG has not done yet. Called when the map changes, when this replica becomes
    /// leader, and with every report, for those that could not be proposed.</summary>
    public void ProposePurges()
    {
        if (_purged.Count > 0) { _purged.RemoveAll(image => !IsPurging(image)); } // others are done everywhere
        if (!IsServing) { return; }
        foreach (ImageInfo image in _shard.UnfreedImages)
        {
            if (image.Pool != Id.Pool || _freeing.Contains(image.Id)) { continue; }
            if (image.State == ImageState.Purging)
            {
                if (!_purged.Contains(image.Id)) { ProposePurge(image.Id); }
            }
            else if (!IsCut(image)) { ProposeCut(image); }
        }
    }

    /// <summary>What the monitors wait for.</summary>
    private void AddFreed(PgStat stat)
    {
        foreach (ImageId image in _purged) { stat.PurgedImages.Add(image.Value); }
        foreach (ImageInfo image in _shard.UnfreedImages)
        {
            if (image.State == ImageState.Purging || image.Pool != Id.Pool || !IsCut(image)) { continue; }
            stat.CutImages.Add(new ImageCutStat { Image = image.Id.Value, SizeGeneration = image.SizeGeneration });
        }
    }

    private bool IsPurging(ImageId id) =>
        _shard.Map.TryGetImage(id, out ImageInfo? image) && image.State == ImageState.Purging;

    private bool IsCut(ImageInfo image) => _state.Find(image.Id) is { } session && session.SizeGeneration >= image.SizeGeneration;

    private void ProposePurge(ImageId image)
    {
        PgOpHeader header = new() { Kind = PgOpKind.PurgeImage, Image = image.Value, Sequence = _shard.Map.Epoch.Value };
        TryBegin(in header, 0, 0);
    }

    /// <summary>One entry sets the size, frees the objects beyond it, and clears the rest of the one that it goes through. A block
    /// that is cut in two travels along, merged in log order as that of a write of zeros is.</summary>
    private void ProposeCut(ImageInfo image)
    {
        int objectBytes = BlocksPerObject * Units.BlockBytes;
        uint index = (uint)(image.SizeBytes / objectBytes);
        int within = (int)(image.SizeBytes % objectBytes);
        PgOpHeader header = new()
        {
            Kind = PgOpKind.CutImage,
            Image = image.Id.Value,
            ImageBytes = (ulong)image.SizeBytes,
            SizeGeneration = image.SizeGeneration,
        };
        bool isOurs = within > 0 && _shard.Map.TryGetPool(image.Pool, out PoolInfo? pool)
            && Placement.PgNumber(new ObjectId(image.Id, index), pool.PgCount) == Id.Number;
        if (!isOurs)
        {
            TryBegin(in header, 0, 0);
            return;
        }
        header.ObjectIndex = index;
        header.FirstBlock = within / Units.BlockBytes;
        header.Blocks = BlocksPerObject - header.FirstBlock;
        TryBegin(in header, within, objectBytes);
    }

    private void TryBegin(in PgOpHeader header, int startBytes, int endBytes)
    {
        WriteOp? op = _shard.WriteOps.TryRent();
        if (op is null) { return; } // with the next report
        op.Begin(this, in header, link: null, tag: 0, startBytes, endBytes);
        op.Term = Group!.Term;
        _freeing.Add(header.ImageId);
        Append(op);
        TryStart(op);
    }

    /// <summary>Applied on any replica: whoever leads by then reports it.</summary>
    private void OnImagePurged(ImageId image)
    {
        if (!_purged.Contains(image)) { _purged.Add(image); }
    }
}
