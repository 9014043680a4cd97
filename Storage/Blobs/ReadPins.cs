using Fastblock.Native.Base;

namespace Fastblock.Storage.Blobs;

/// <summary>Reads under way, in the order in which they began. A place (a unit, a page, a log segment) that the tables stopped
/// naming at time T may be re-used when every read that began before T has ended: then nobody can still be reading it. One
/// number per read instead of a count per place; a stuck read delays re-use, never correctness.</summary>
internal sealed class ReadPins
{
    private ReadPin? _oldest;
    private ReadPin? _newest;
    private ulong _lastTicket;

    public int Active { get; private set; }

    /// <summary>Stamp of "now": pass it to <see cref="AllEndedBefore"/> later.</summary>
    public ulong Now => _lastTicket;

    /// <summary>Every read that began before the stamp was taken has ended.</summary>
    public bool AllEndedBefore(ulong stamp) => _oldest is null || _oldest.Ticket > stamp;

    public void Begin(ReadPin pin)
    {
        Invariant.Require(!pin.IsActive);
        pin.Ticket = ++_lastTicket;
        pin.Older = _newest;
        pin.Newer = null;
        if (_newest is null) { _oldest = pin; } else { _newest.Newer = pin; }
        _newest = pin;
        Active++;
    }

    public void End(ReadPin pin)
    {
        Invariant.Require(pin.IsActive);
        if (pin.Older is null) { _oldest = pin.Newer; } else { pin.Older.Newer = pin.Newer; }
        if (pin.Newer is null) { _newest = pin.Older; } else { pin.Newer.Older = pin.Older; }
        pin.Older = null;
        pin.Newer = null;
        pin.Ticket = 0;
        Active--;
    }
}
