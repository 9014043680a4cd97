using System;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Blobs;

// The life of a piece of space (a unit, or a page of one):
//
//   free -> allocated -> dropped -> committed(sequence) -> durable(stamp) -> free
//
//   dropped    the tables in memory stopped naming it, but the durable record of its object still does: after a crash
//              recovery would find it referred to, so nothing else may be written there.
//   committed  a record without it has been appended to the log as number `sequence`.
//   durable    that record is durable. A read that began before may still be under way on it: `stamp` remembers when.
//   free       all such reads have ended.
//
// Every step keeps the order, so each state is a queue. Nothing of this is stored: after a crash the records alone say what
// is in use.

/// <summary>Space of a shard's data region: which units and pages are in use, and when one that was given up may be used
/// again. Memory only; the truth is in the object records. One reactor's thread.</summary>
internal sealed class Blobstore : IDisposable
{
    /// <summary>A unit or a page on its way to being free.</summary>
    private struct Leaving
    {
        public uint Number;
        public bool IsPage;
        public ulong Stamp; // committed: the log sequence; durable: the read stamp
    }

    private readonly AuBitmap _bitmap;
    private readonly PageAllocator _pages;
    private readonly RingQueue<Leaving> _dropped = new(64);
    private readonly RingQueue<Leaving> _committed = new(64);
    private readonly RingQueue<Leaving> _durable = new(64);
    private readonly DeviceTrimmer? _trimmer;

    /// <param name="trimmer">Told about units that became free, to discard them on the device; null = never.</param>
    public Blobstore(BlobGeometry geometry, DeviceTrimmer? trimmer = null)
    {
        Geometry = geometry;
        _bitmap = new AuBitmap(geometry.AuCount);
        _pages = new PageAllocator(geometry, _bitmap);
        _trimmer = trimmer;
        trimmer?.Attach(this);
    }

    public BlobGeometry Geometry { get; }

    /// <summary>Reads under way; every read of the region must be among them.</summary>
    public ReadPins Pins { get; } = new();

    /// <summary>Units that can be allocated now.</summary>
    public uint FreeAus => _bitmap.Free;

    /// <summary>Pages that can be allocated now without taking a unit.</summary>
    public int FreePages => _pages.FreePages;

    /// <summary>Pages in use, those being freed included.</summary>
    public int UsedPages => _pages.UsedPages;

    /// <summary>Units that hold pages.</summary>
    public int PageAus => _pages.UnitCount;

    /// <summary>Whole units that will be free when what is under way has ended.</summary>
    public int LeavingAus { get; private set; }

    /// <summary>Something was dropped and waits for the record that says so.</summary>
    public bool HasDropped => _dropped.Count > 0;

    /// <summary>How much has been dropped so far; see <see cref="CommitDropped"/>.</summary>
    public int DroppedCount => _dropped.Count;

    /// <summary>Something is between committed and free.</summary>
    public bool HasLeaving => _committed.Count > 0 || _durable.Count > 0;

    public uint TryAllocateAu() => _bitmap.TryAllocate();

    public uint TryAllocatePage() => _pages.TryAllocate();

    /// <summary>Recovery: a record refers to the unit. False = outside, or somebody else does too.</summary>
    public bool TryMarkAu(uint au) => _bitmap.TryMark(au);

    /// <summary>Recovery: a record refers to the page. False = outside, or somebody else does too.</summary>
    public bool TryMarkPage(uint page) => _pages.TryMark(page);

    public bool IsUsed(uint au) => _bitmap.IsUsed(au);

    /// <summary>Gives up a unit that a durable record may still name.</summary>
    public void DropAu(uint au)
    {
        if (Sabotage.Is(SabotageKind.ExtentNeverFreed)) { return; }
        LeavingAus++;
        _dropped.PushBack(new Leaving { Number = au });
    }

    /// <summary>Gives up a page that a durable record may still name.</summary>
    public void DropPage(uint page) => _dropped.PushBack(new Leaving { Number = page, IsPage = true });

    /// <summary>Gives back at once a unit that no record has ever named and no read has seen.</summary>
    public void ReturnAu(uint au) => _bitmap.Release(au);

    /// <inheritdoc cref="ReturnAu"/>
    public void ReturnPage(uint page) => _pages.Release(page);

    /// <summary>The records without the first <paramref name="count"/> dropped places are in the log up to
    /// <paramref name="sequence"/>; sequences never decrease from call to call.</summary>
    public void CommitDropped(int count, ulong sequence)
    {
        for (int i = 0; i < count; i++)
        {
            Leaving place = _dropped.PopFront();
            place.Stamp = sequence;
            _committed.PushBack(place);
        }
    }

    /// <summary>As <see cref="DropPage"/> for a page whose successor is recorded under <paramref name="sequence"/> already.</summary>
    public void DropCommittedPage(uint page, ulong sequence) =>
        _committed.PushBack(new Leaving { Number = page, IsPage = true, Stamp = sequence });

    /// <summary>As <see cref="DropAu"/> for a unit that the record appended under <paramref name="sequence"/> no longer names.</summary>
    public void DropCommittedAu(uint au, ulong sequence)
    {
        if (Sabotage.Is(SabotageKind.ExtentNeverFreed)) { return; }
        LeavingAus++;
        _committed.PushBack(new Leaving { Number = au, Stamp = sequence });
    }

    /// <summary>Moves on what can move on; cheap when nothing can.</summary>
    /// <param name="durableSequence">Everything in the log up to here is durable.</param>
    public void Advance(ulong durableSequence)
    {
        while (_committed.Count > 0 && _committed[0].Stamp <= durableSequence)
        {
            Leaving place = _committed.PopFront();
            place.Stamp = Pins.Now;
            _durable.PushBack(place);
        }
        while (_durable.Count > 0 && Pins.AllEndedBefore(_durable[0].Stamp))
        {
            Leaving place = _durable.PopFront();
            if (place.IsPage)
            {
                _pages.Release(place.Number);
                continue;
            }
            if (_trimmer is null || !_trimmer.TryTake(place.Number)) { OnTrimmed(place.Number); }
        }
        _trimmer?.Kick();
    }

    /// <summary>Nothing of the unit's past matters any more: the trimmer is done with it, too.</summary>
    internal void OnTrimmed(uint au)
    {
        LeavingAus--;
        _bitmap.Release(au);
    }

    public void Dispose()
    {
        _pages.Dispose();
        _bitmap.Dispose();
    }
}
