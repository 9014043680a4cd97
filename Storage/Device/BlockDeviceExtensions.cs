using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Device;

/// <summary>Device requests as awaitable calls for reactor tasks. The buffer must stay retained until the task ends. All offsets
/// and lengths are multiples of 4096.</summary>
internal static class BlockDeviceExtensions
{
    /// <summary>Reads into <paramref name="buffer"/> from <paramref name="bufferOffset"/> on.</summary>
    public static ReactorTask<Errno> ReadAsync(
        this IBlockDevice device, long offsetBytes, PooledBuffer buffer, int bufferOffset, int lengthBytes) =>
        Prepare(IoKind.Read, offsetBytes, buffer, bufferOffset, lengthBytes, durable: false).RunAsync(device);

    /// <param name="durable">Durable on completion, else only after a later flush.</param>
    public static ReactorTask<Errno> WriteAsync(
        this IBlockDevice device, long offsetBytes, PooledBuffer buffer, int bufferOffset, int lengthBytes,
        bool durable = false) =>
        Prepare(IoKind.Write, offsetBytes, buffer, bufferOffset, lengthBytes, durable).RunAsync(device);

    public static ReactorTask<Errno> FlushAsync(this IBlockDevice device)
    {
        IoOperation operation = IoOperation.Rent();
        operation.Prepare(IoKind.Flush, 0);
        return operation.RunAsync(device);
    }

    public static ReactorTask<Errno> DiscardAsync(this IBlockDevice device, long offsetBytes, int lengthBytes)
    {
        IoOperation operation = IoOperation.Rent();
        operation.Prepare(IoKind.Discard, offsetBytes, lengthBytes);
        return operation.RunAsync(device);
    }

    private static unsafe IoOperation Prepare(
        IoKind kind, long offsetBytes, PooledBuffer buffer, int bufferOffset, int lengthBytes, bool durable)
    {
        Invariant.Require(bufferOffset >= 0 && lengthBytes <= buffer.Capacity - bufferOffset);
        IoOperation operation = IoOperation.Rent();
        operation.Prepare(kind, offsetBytes, durable: durable);
        bool added = operation.TryAddSegment(buffer.Pointer + bufferOffset, lengthBytes);
        Invariant.Require(added);
        operation.RegisteredIndex = buffer.RegisteredIndex;
        return operation;
    }
}
