using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Images: making, changing and removing them.</summary>
internal sealed partial class MonState
{
    private MonVerdict ImageCreate(ImageCreateRequest request, long wallMillis)
    {
        if (!Map.TryGetPool(request.Pool, out PoolInfo? pool)) { return NoSuchPool(request.Pool); }
        if (!Names.IsValid(request.Name)) { return Invalid($"'{request.Name}' is not an image name: {Names.Rule}"); }
        if (WhyNotSize(request.SizeBytes) is { } why) { return Invalid(why); }
        if (Map.TryGetImage(pool.Id, request.Name, out _)) { return ImageExists(pool.Name, request.Name); }
        if (Map.ImageCount >= ClusterLimits.MaxImages)
        {
            return Refuse(ControlStatus.StatusFailed, $"the cluster has {ClusterLimits.MaxImages} images, which is the limit");
        }
        MonChanges changes = NewChanges();
        ImageInfo image = new()
        {
            Id = new ImageId(changes.Take(StoreKeys.NextImage, first: 1)),
            Name = request.Name,
            Pool = pool.Id,
            SizeBytes = request.SizeBytes,
            CreatedMillis = wallMillis,
        };
        changes.Put(image);
        return Do(changes, new ControlReply { ImageCreateResult = new ImageCreateResult { Id = image.Id.Value } });
    }

    private MonVerdict ImageResize(ImageResizeRequest request)
    {
        if (!TryFindImage(request.Pool, request.Name, out ImageInfo? image, out MonVerdict refusal)) { return refusal; }
        if (WhyNotSize(request.SizeBytes) is { } why) { return Invalid(why); }
        if (request.SizeBytes == image!.SizeBytes) { return Answer(new ControlReply()); }
        return request.SizeBytes < image.SizeBytes ? ImageShrink(image, request) : ImageGrow(image, request);
    }

    /// <summary>Not before every PG knows the smaller size: one that did not would keep what lies beyond it, and show it again.</summary>
    private MonVerdict ImageGrow(ImageInfo image, ImageResizeRequest request)
    {
        if (image.IsShrinking)
        {
            return Refuse(ControlStatus.StatusAgain,
                $"{request.Pool}/{request.Name} is still becoming smaller in {CountPending(image, int.MaxValue)} PGs; it can grow when they are done");
        }
        MonChanges changes = NewChanges();
        changes.Put(image with { SizeBytes = request.SizeBytes });
        return Do(changes);
    }

    /// <summary>One that nobody ever opened for writing has nothing that could be cut.</summary>
    private MonVerdict ImageShrink(ImageInfo image, ImageResizeRequest request)
    {
        if (!request.AllowShrink)
        {
            return Refuse(ControlStatus.StatusWrongState, $"{request.Pool}/{request.Name} has {image.SizeBytes} bytes: "
                + "what lies beyond a smaller size is lost; --allow-shrink says that this is meant");
        }
        MonChanges changes = NewChanges();
        changes.Put(image with
        {
            SizeBytes = request.SizeBytes,
            SizeGeneration = image.SizeGeneration + 1,
            IsShrinking = image.OwnerGeneration > 0,
        });
        return Do(changes, ControlCodec.Reply(ControlStatus.StatusOk, image.OwnerGeneration > 0 ? FreedBehind(image, "lay beyond") : ""));
    }

    private string FreedBehind(ImageInfo image, string what)
    {
        _ = Map.TryGetPool(image.Pool, out PoolInfo? pool);
        return $"what {what} is freed in the background by {pool!.PgCount} PGs; 'fastblock status' shows how far they are";
    }

    private MonVerdict ImageRename(ImageRenameRequest request)
    {
        if (!TryFindImage(request.Pool, request.Name, out ImageInfo? image, out MonVerdict refusal)) { return refusal; }
        if (!Names.IsValid(request.NewName)) { return Invalid($"'{request.NewName}' is not an image name: {Names.Rule}"); }
        if (Map.TryGetImage(image!.Pool, request.NewName, out _)) { return ImageExists(request.Pool, request.NewName); }
        MonChanges changes = NewChanges();
        changes.Put(image with { Name = request.NewName });
        return Do(changes);
    }

    /// <summary>The name is free at once; the objects are deleted by the PGs, and the record goes when all have reported. The
    /// owner generation is raised, so that no write of a forgotten owner comes in behind the purge.</summary>
    private MonVerdict ImageRemove(ImageRemoveRequest request, long nowNanos)
    {
        if (!TryFindImage(request.Pool, request.Name, out ImageInfo? image, out MonVerdict refusal)) { return refusal; }
        if (IsOwnerAlive(image!, nowNanos))
        {
            return Refuse(ControlStatus.StatusWrongState,
                $"{request.Pool}/{request.Name} is in use by {Owner(image!)}: stop it first");
        }
        MonChanges changes = NewChanges();
        changes.Put(image! with
        {
            State = ImageState.Purging,
            Owned = false,
            OwnerGeneration = image.OwnerGeneration + 1,
        });
        return Do(changes, ControlCodec.Reply(ControlStatus.StatusOk, FreedBehind(image, "was written to it")));
    }

    private bool TryFindImage(string poolName, string name, out ImageInfo? image, out MonVerdict refusal)
    {
        image = null;
        refusal = default;
        if (!Map.TryGetPool(poolName, out PoolInfo? pool))
        {
            refusal = NoSuchPool(poolName);
            return false;
        }
        if (Map.TryGetImage(pool.Id, name, out image)) { return true; }
        refusal = Refuse(ControlStatus.StatusNotFound,
            $"there is no image {poolName}/{name}: 'fastblock image ls {poolName}' lists them");
        return false;
    }

    private bool TryFindImage(ulong id, out ImageInfo? image, out MonVerdict refusal)
    {
        refusal = default;
        if (Map.TryGetImage(new ImageId(id), out image) && image.State is ImageState.Ready) { return true; }
        refusal = Refuse(ControlStatus.StatusNotFound, $"there is no image with id {id} any more");
        return false;
    }

    private static MonVerdict ImageExists(string pool, string name) => Refuse(ControlStatus.StatusExists,
        $"there is an image {pool}/{name} already");

    private static string? WhyNotSize(long bytes) => bytes switch
    {
        <= 0 => "the size of an image must be greater than 0",
        > ClusterLimits.MaxImageBytes => "the size of an image must be at most 64T",
        _ when bytes % Units.SectorBytes != 0 => "the size of an image must be a multiple of 512 bytes",
        _ => null,
    };
}
