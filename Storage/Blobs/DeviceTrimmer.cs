using Fastblock.Native.Base;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Blobs;

/// <summary>Tells the device which units are free again, so that a thin file shrinks and an SSD can clean up. One request at a
/// time, neighbouring units in one; a unit comes back to the allocator when its discard has ended (also when the device
/// refuses it: a discard is a hint). When more waits than <see cref="Limit"/>, units skip it: never a reason to run full.</summary>
internal sealed class DeviceTrimmer(IBlockDevice device, BlobGeometry geometry) : IoRequest
{
    /// <summary>Units that may wait for their discard.</summary>
    public const int Limit = 4096;

    /// <summary>Largest single discard.</summary>
    private const int MaxBytes = 64 << 20;

    private readonly RingQueue<uint> _waiting = new(64);
    private Blobstore? _store;
    private uint _first;
    private bool _unsupported;
    private uint _count; // units in the request under way; 0 = none is

    internal void Attach(Blobstore store) => _store = store;

    /// <returns>False: too many wait, or the device does not know discards; free it at once.</returns>
    public bool TryTake(uint au)
    {
        if (_waiting.Count >= Limit || _unsupported) { return false; }
        _waiting.PushBack(au);
        return true;
    }

    /// <summary>Starts the next request when none is under way.</summary>
    public void Kick()
    {
        if (_count > 0 || _waiting.Count == 0) { return; }
        _first = _waiting.PopFront();
        _count = 1;
        while (_waiting.Count > 0 && _waiting[0] == _first + _count && (_count + 1) * (long)geometry.AuBytes <= MaxBytes)
        {
            _ = _waiting.PopFront();
            _count++;
        }
        Prepare(IoKind.Discard, geometry.AddressOfAu(_first), (int)(_count * geometry.AuBytes));
        device.Submit(this);
    }

    protected override void OnCompleted(Errno status)
    {
        if (status is Errno.NotSupported) { _unsupported = true; }
        for (uint i = 0; i < _count; i++) { _store!.OnTrimmed(_first + i); }
        _count = 0;
        Kick();
    }
}
