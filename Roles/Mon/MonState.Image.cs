using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Images and who owns them for writing.</summary>
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
        if (request.SizeBytes < image!.SizeBytes)
        {
            return Refuse(ControlStatus.StatusWrongState,
                $"{request.Pool}/{request.Name} has {image.SizeBytes} bytes, and images only grow: give a larger size");
        }
        if (request.SizeBytes == image.SizeBytes) { return Answer(new ControlReply()); }
        MonChanges changes = NewChanges();
        changes.Put(image with { SizeBytes = request.SizeBytes });
        return Do(changes);
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
        _ = Map.TryGetPool(image.Pool, out PoolInfo? pool);
        return Do(changes, ControlCodec.Reply(ControlStatus.StatusOk,
            $"what was written to it is freed in the background by {pool!.PgCount} PGs; 'fastblock status' shows how many images are being removed"));
    }

    private MonVerdict ImageAcquire(ImageAcquireRequest request, long nowNanos, long wallMillis)
    {
        if (!TryFindImage(request.Image, out ImageInfo? image, out MonVerdict refusal)) { return refusal; }
        if (!UuidBytes.TryRead(request.Instance, out Guid instance) || instance == Guid.Empty)
        {
            return Invalid("an owner needs a uuid");
        }
        if (!IsText(request.Description))
        {
            return Invalid($"the description must be printable, at most {ClusterLimits.MaxTextChars} characters");
        }
        if (IsOwnerAlive(image!, nowNanos) && image!.OwnerInstance != instance && !request.TakeOver)
        {
            return Refuse(ControlStatus.StatusWrongState,
                $"image {image.Name} is owned by {Owner(image)}: stop it, or fence it off with --take-over");
        }
        MonChanges changes = NewChanges();
        ulong generation = image!.OwnerGeneration + 1;
        changes.Put(image with
        {
            OwnerGeneration = generation,
            Owned = true,
            OwnerInstance = instance,
            OwnerDescription = request.Description,
            AcquiredMillis = wallMillis,
        });
        _runtime.Renewed(image.Id, nowNanos);
        return Do(changes, new ControlReply
        {
            ImageAcquireResult = new ImageAcquireResult
            {
                Generation = generation,
                TtlMs = (uint)(_options.OwnerTtlNanos / Units.NanosPerMilli),
            },
        });
    }

    private MonVerdict ImageRelease(ImageReleaseRequest request)
    {
        if (!TryFindImage(request.Image, out ImageInfo? image, out MonVerdict refusal)) { return refusal; }
        // Somebody else owns it by now: what the caller wanted is so, and his generation is dead anyway.
        if (!IsOwner(image!, request.Instance, request.Generation)) { return Answer(new ControlReply()); }
        MonChanges changes = NewChanges();
        changes.Put(image! with { Owned = false });
        return Do(changes);
    }

    private MonVerdict ImageRenew(ImageRenewRequest request, long nowNanos)
    {
        if (!TryFindImage(request.Image, out ImageInfo? image, out MonVerdict refusal)) { return refusal; }
        if (!IsOwner(image!, request.Instance, request.Generation))
        {
            return Refuse(ControlStatus.StatusPermission, image!.Owned
                ? $"image {image.Name} was taken over by {Owner(image)}"
                : $"image {image.Name} is no longer owned by this client");
        }
        _runtime.Renewed(image!.Id, nowNanos);
        return Answer(new ControlReply());
    }

    private static bool IsOwner(ImageInfo image, Google.Protobuf.ByteString instance, ulong generation) =>
        image.Owned && image.OwnerGeneration == generation
        && UuidBytes.TryRead(instance, out Guid uuid) && image.OwnerInstance == uuid;

    private bool IsOwnerAlive(ImageInfo image, long nowNanos) =>
        image.Owned && _runtime.RenewedAgoNanos(image.Id, nowNanos) < _options.OwnerTtlNanos;

    private static string Owner(ImageInfo image) =>
        image.OwnerDescription.Length > 0 ? image.OwnerDescription : image.OwnerInstance.ToString();

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
