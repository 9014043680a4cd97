using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Device;

/// <summary>A request that a reactor task can await, pooled per thread: behind the helpers of
/// <see cref="BlockDeviceExtensions"/>, or by hand for several segments: Rent, Prepare, add segments, then
/// <c>await operation.RunAsync(device)</c>, which also gives it back.</summary>
internal sealed class IoOperation : IoRequest
{
    [ThreadStatic]
    private static IoOperation? _pool;

    private readonly ReactorSignal<Errno> _done = new();
    private IoOperation? _nextFree;

    /// <summary>A request of one's own until RunAsync.</summary>
    public static IoOperation Rent()
    {
        IoOperation operation = _pool ?? new IoOperation();
        _pool = operation._nextFree;
        operation._nextFree = null;
        return operation;
    }

    /// <summary>Submits and waits; the operation is back in the pool afterwards.</summary>
    public async ReactorTask<Errno> RunAsync(IBlockDevice device)
    {
        device.Submit(this);
        Errno status = await _done;
        _done.Reset();
        _nextFree = _pool;
        _pool = this;
        return status;
    }

    protected override void OnCompleted(Errno status) => _done.Set(status);
}
