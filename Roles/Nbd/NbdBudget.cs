using Fastblock.Native.Base;

namespace Fastblock.Roles.Nbd;

/// <summary>The bytes that all connections of a server may keep in buffers together, so that clients that do not take
/// their answers cannot starve the connections to the OSDs. First come, first served.</summary>
internal sealed class NbdBudget
{
    private readonly long _totalBytes;
    private readonly RingQueue<(NbdConnection Connection, long Bytes)> _waiting = new(16);
    private bool _isGranting;

    /// <param name="totalBytes">At least the largest request.</param>
    public NbdBudget(long totalBytes)
    {
        _totalBytes = totalBytes;
        FreeBytes = totalBytes;
    }

    public long FreeBytes { get; private set; }

    /// <summary>Takes bytes, or puts the connection in the queue: it will be granted them by
    /// <see cref="NbdConnection.OnBudgetGranted"/>. One wish per connection at a time.</summary>
    public bool TryTake(NbdConnection connection, long bytes)
    {
        Invariant.Require(bytes <= _totalBytes);
        if (_waiting.IsEmpty && bytes <= FreeBytes)
        {
            FreeBytes -= bytes;
            return true;
        }
        _waiting.PushBack((connection, bytes));
        return false;
    }

    /// <summary>Takes bytes if they are there and nobody waits for some.</summary>
    public bool TryTakeNow(long bytes)
    {
        if (!_waiting.IsEmpty || bytes > FreeBytes) { return false; }
        FreeBytes -= bytes;
        return true;
    }

    /// <summary>Gives bytes back; who waits first gets them.</summary>
    public void Give(long bytes)
    {
        FreeBytes += bytes;
        Invariant.Require(FreeBytes <= _totalBytes);
        if (_isGranting) { return; } // the loop below is running
        _isGranting = true;
        while (!_waiting.IsEmpty && _waiting[0].Bytes <= FreeBytes)
        {
            (NbdConnection connection, long wanted) = _waiting.PopFront();
            FreeBytes -= wanted;
            connection.OnBudgetGranted(wanted);
        }
        _isGranting = false;
    }
}
