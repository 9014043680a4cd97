using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Who owns an image for writing, and who has it open for reading.</summary>
internal sealed partial class MonState
{
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
        if (UuidBytes.TryRead(request.FromInstance, out Guid from) && from != Guid.Empty && !(image!.Owned && image.OwnerInstance == from))
        {
            return Refuse(ControlStatus.StatusWrongState,
                $"image {image.Name} is {(image.Owned ? $"owned by {Owner(image)}, instance {image.OwnerInstance}" : "owned by nobody")}, not by {from}");
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
        if (request.Generation == 0) { return ReaderRenew(image!, request, nowNanos); }
        if (!IsOwner(image!, request.Instance, request.Generation))
        {
            return Refuse(ControlStatus.StatusPermission, image!.Owned
                ? $"image {image.Name} was taken over by {Owner(image)}"
                : $"image {image.Name} is no longer owned by this client");
        }
        _runtime.Renewed(image!.Id, nowNanos);
        return Answer(new ControlReply());
    }

    private MonVerdict ReaderRenew(ImageInfo image, ImageRenewRequest request, long nowNanos)
    {
        if (!UuidBytes.TryRead(request.Instance, out Guid instance) || instance == Guid.Empty || !IsText(request.Description))
        {
            return Invalid($"a reader needs a uuid and a description of at most {ClusterLimits.MaxTextChars} characters");
        }
        if (request.Closed) { _runtime.ForgetReader(image.Id, instance); }
        else if (!_runtime.TryNoteReader(image.Id, instance, request.Description, nowNanos, _options.OwnerTtlNanos))
        {
            return Refuse(ControlStatus.StatusFailed, $"the monitors remember at most {MonLimits.Readers} readers");
        }
        return Answer(new ControlReply
        {
            ImageAcquireResult = new ImageAcquireResult { TtlMs = (uint)(_options.OwnerTtlNanos / Units.NanosPerMilli) },
        });
    }

    private static bool IsOwner(ImageInfo image, Google.Protobuf.ByteString instance, ulong generation) =>
        image.Owned && image.OwnerGeneration == generation
        && UuidBytes.TryRead(instance, out Guid uuid) && image.OwnerInstance == uuid;

    private bool IsOwnerAlive(ImageInfo image, long nowNanos) =>
        image.Owned && _runtime.RenewedAgoNanos(image.Id, nowNanos) < _options.OwnerTtlNanos;

    private static string Owner(ImageInfo image) =>
        image.OwnerDescription.Length > 0 ? image.OwnerDescription : image.OwnerInstance.ToString();
}
