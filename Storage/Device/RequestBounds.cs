using Fastblock.Native.Base;

namespace Fastblock.Storage.Device;

/// <summary>The check that every device makes before it touches anything: offsets may come from damaged metadata.</summary>
internal static class RequestBounds
{
    /// <returns>None, or Invalid when the request does not lie inside the device or moves nothing.</returns>
    public static Errno Check(IoRequest request, long sizeBytes)
    {
        if (request.Kind is IoKind.Flush) { return Errno.None; }
        bool inside = request.LengthBytes > 0 && request.OffsetBytes <= sizeBytes
            && request.LengthBytes <= sizeBytes - request.OffsetBytes;
        return inside ? Errno.None : Errno.Invalid;
    }
}
