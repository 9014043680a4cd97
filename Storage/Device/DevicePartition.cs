using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Device;

/// <summary>A window on a device, such as one shard's part of a disk. Requests outside the window fail with Invalid and never
/// reach the device.</summary>
internal sealed class DevicePartition : IBlockDevice
{
    private readonly IBlockDevice _device;
    private readonly long _startBytes;
    private readonly CompletionQueue _refused;

    public DevicePartition(Reactor reactor, IBlockDevice device, long startBytes, long sizeBytes)
    {
        Invariant.Require(startBytes >= 0 && startBytes % Units.BlockBytes == 0);
        Invariant.Require(sizeBytes > 0 && sizeBytes % Units.BlockBytes == 0);
        Invariant.Require(startBytes <= device.SizeBytes - sizeBytes);
        _device = device;
        _startBytes = startBytes;
        _refused = new CompletionQueue(reactor);
        SizeBytes = sizeBytes;
    }

    public long SizeBytes { get; }

    public void Submit(IoRequest request)
    {
        Errno status = RequestBounds.Check(request, SizeBytes);
        if (status is not Errno.None)
        {
            _refused.Add(request, status);
            return;
        }
        request.Shift(_startBytes);
        _device.Submit(request);
    }
}
