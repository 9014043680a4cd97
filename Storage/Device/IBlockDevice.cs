namespace Fastblock.Storage.Device;

/// <summary>Seam 3: a block device, or the part of one that belongs to a shard. Offsets and lengths are multiples of 4096,
/// memory is aligned to 4096. Completions come inside the reactor's loop on the thread that submitted, in any order.</summary>
internal interface IBlockDevice
{
    /// <summary>Size in bytes, a multiple of 4096; fixed while open.</summary>
    long SizeBytes { get; }

    /// <summary>Starts the request, or queues it when the device's queue is full: never fails, never completes before it
    /// returns. The request and its memory belong to the device until <see cref="IoRequest.OnCompleted"/>.</summary>
    void Submit(IoRequest request);
}
