using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

/// <summary>Several device requests at once, awaited together. Re-usable, one group at a time.</summary>
/// <param name="store">Told of writes and flushes that fail; null = nobody.</param>
internal sealed class IoGroup(IBlockDevice device, ObjectStore? store = null) : IDisposable
{
    private readonly List<MoveIo> _requests = [];
    private readonly ReactorSignal<Errno> _done = new();
    private int _outstanding;
    private int _submitted;
    private Errno _status;

    /// <summary>Requests of the present group.</summary>
    public int Count { get; private set; }

    public MoveIo this[int index] => _requests[index];

    public void Begin()
    {
        Invariant.Require(_outstanding == 0);
        Count = 0;
        _status = Errno.None;
    }

    /// <summary>A request of the group, to be prepared and filled before the next one is added.</summary>
    public MoveIo Add(IoKind kind, long offset, int lengthBytes = 0)
    {
        if (Count == _requests.Count) { _requests.Add(new MoveIo(this)); }
        MoveIo request = _requests[Count++];
        request.Prepare(kind, offset, lengthBytes);
        return request;
    }

    /// <summary>Submits all; completes when all have ended, with the first error.</summary>
    /// <param name="atOnce">So many at a time, so that others' requests find the device's queue short.</param>
    public async ReactorTask<Errno> RunAsync(int atOnce = int.MaxValue)
    {
        if (Count == 0) { return Errno.None; }
        _outstanding = Count;
        _submitted = Math.Min(Count, atOnce);
        for (int i = 0; i < _submitted; i++) { device.Submit(_requests[i]); }
        Errno status = await _done;
        _done.Reset();
        return status;
    }

    internal void OnCompleted(MoveIo request, Errno status)
    {
        if (status is not Errno.None && request.Kind is not IoKind.Read) { store?.OnWriteFailed?.Invoke(status); }
        if (_status is Errno.None) { _status = status; }
        if (_submitted < Count) { device.Submit(_requests[_submitted++]); }
        if (--_outstanding == 0) { _done.Set(_status); }
    }

    public void Dispose()
    {
        foreach (MoveIo request in _requests) { request.Dispose(); }
        GC.SuppressFinalize(this);
    }
}
