using System;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>Leader: is there such an image, and where does it end? The map says so and the PG's own state does, and either may be
/// the older one. A size with a higher generation is newer, and of one generation the larger (an image only grows until it is
/// cut again); so a leader whose map is from before a cut goes by the state. Of an image that the state does not know, a map
/// from before the newest purge says nothing: it may be the one that was purged.</summary>
internal sealed partial class PgReplica
{
    /// <summary>Looks an image up.</summary>
    /// <param name="asked">Epoch of the map that the request was made by.</param>
    /// <returns>Ok, or what to answer.</returns>
    public DataStatus FindImage(ImageId id, Epoch asked, out ulong sizeBytes, out ulong sizeGeneration)
    {
        ImageSession? session = _state.Find(id);
        (sizeBytes, sizeGeneration) = session is null ? (0, 0) : (session.SizeBytes, session.SizeGeneration);
        if (session is null && _shard.Map.Epoch < _state.PurgeEpoch)
        {
            if (_shard.Map.TryGetImage(id, out _)) { Reached.Mark("osd: a map from before a purge is not believed"); }
            return DataStatus.Again;
        }
        if (!_shard.Map.TryGetImage(id, out ImageInfo? image))
        {
            return session is not null ? DataStatus.Ok : asked > _shard.Map.Epoch ? DataStatus.Again : DataStatus.NoSuchImage;
        }
        if (image.State == ImageState.Purging) { return DataStatus.NoSuchImage; }
        if (image.Pool != Id.Pool) { return DataStatus.Invalid; }
        if (session is null || image.SizeGeneration > sizeGeneration || Sabotage.Is(SabotageKind.CutsForgotten))
        {
            (sizeBytes, sizeGeneration) = ((ulong)image.SizeBytes, image.SizeGeneration);
        }
        else if (image.SizeGeneration < sizeGeneration) { Reached.Mark("osd: a map from before a cut is not believed"); }
        else { sizeBytes = Math.Max(sizeBytes, (ulong)image.SizeBytes); }
        return DataStatus.Ok;
    }

    /// <summary>Does the range end inside of the image? It may have grown since our map when the client has a newer one, and when it
    /// was cut since: then a newer map has to come first.</summary>
    private DataStatus CheckEnd(ImageId id, ulong endBytes, ulong sizeBytes, ulong sizeGeneration, Epoch asked)
    {
        if (endBytes <= sizeBytes) { return DataStatus.Ok; }
        bool isMapOld = asked > _shard.Map.Epoch
            || !_shard.Map.TryGetImage(id, out ImageInfo? image) || image.SizeGeneration < sizeGeneration;
        return isMapOld ? DataStatus.Again : DataStatus.OutOfRange;
    }

    /// <summary>End of a request's range, in the image.</summary>
    private ulong EndOf(uint objectIndex, ulong endInObject) =>
        ((ulong)objectIndex * (ulong)BlocksPerObject * Units.BlockBytes) + endInObject;
}
