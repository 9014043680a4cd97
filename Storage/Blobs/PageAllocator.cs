using System;
using System.Numerics;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Blobs;

/// <summary>Single pages of 4096 bytes (checksum pages) carved from allocation units. A unit whose pages are all free again
/// goes back to the bitmap. Pages of the unit that was filled last are handed out first, so that the pages of one batch lie
/// together and are written with few requests.</summary>
internal sealed class PageAllocator(BlobGeometry geometry, AuBitmap bitmap) : IDisposable
{
    private struct PageUnit
    {
        public uint Au;
        public ulong Used;
        public int PartialAt; // place in _partial, -1 = no page is free
    }

    private readonly UnmanagedMap<U32Key, int> _unitOf = new(64); // unit -> place in _units
    private PageUnit[] _units = new PageUnit[64];
    private int _unitCount;
    private int[] _partial = new int[64];
    private int _partialCount;

    /// <summary>Pages that can be handed out without a new unit.</summary>
    public int FreePages { get; private set; }

    /// <summary>Units that hold pages.</summary>
    public int UnitCount => _unitCount;

    /// <summary>Pages in use.</summary>
    public int UsedPages { get; private set; }

    private ulong Full => geometry.PagesPerAu == 64 ? ulong.MaxValue : (1UL << geometry.PagesPerAu) - 1;

    /// <returns>A page, or <see cref="BlobGeometry.None"/> when no page and no unit is free.</returns>
    public uint TryAllocate()
    {
        if (_partialCount == 0)
        {
            uint au = bitmap.TryAllocate();
            if (au == BlobGeometry.None) { return BlobGeometry.None; }
            _ = AddUnit(au);
        }
        ref PageUnit unit = ref _units[_partial[_partialCount - 1]];
        int place = BitOperations.TrailingZeroCount(~unit.Used);
        Take(ref unit, place);
        return (unit.Au * (uint)geometry.PagesPerAu) + (uint)place;
    }

    /// <summary>Recovery: the page is referred to by an object.</summary>
    /// <returns>False: outside the region, or somebody else refers to it or to its unit.</returns>
    public bool TryMark(uint page)
    {
        uint au = geometry.AuOfPage(page);
        if (au >= geometry.AuCount) { return false; }
        if (!_unitOf.TryGet(new U32Key(au), out int index))
        {
            if (!bitmap.TryMark(au)) { return false; }
            index = AddUnit(au);
        }
        int place = (int)(page % (uint)geometry.PagesPerAu);
        if ((_units[index].Used >> place & 1) != 0) { return false; }
        Take(ref _units[index], place);
        return true;
    }

    public void Release(uint page)
    {
        bool known = _unitOf.TryGet(new U32Key(geometry.AuOfPage(page)), out int index);
        Invariant.Require(known);
        ref PageUnit unit = ref _units[index];
        ulong bit = 1UL << (int)(page % (uint)geometry.PagesPerAu);
        Invariant.Require((unit.Used & bit) != 0);
        unit.Used &= ~bit;
        FreePages++;
        UsedPages--;
        if (unit.PartialAt < 0) { AddPartial(index); }
        if (unit.Used == 0) { RemoveUnit(index); }
    }

    public void Dispose() => _unitOf.Dispose();

    private void Take(ref PageUnit unit, int place)
    {
        unit.Used |= 1UL << place;
        FreePages--;
        UsedPages++;
        if (unit.Used == Full) { RemovePartial(ref unit); }
    }

    private int AddUnit(uint au)
    {
        if (_unitCount == _units.Length) { Array.Resize(ref _units, _unitCount * 2); }
        int index = _unitCount++;
        _units[index] = new PageUnit { Au = au, PartialAt = -1 };
        _unitOf.Set(new U32Key(au), index);
        FreePages += geometry.PagesPerAu;
        AddPartial(index);
        return index;
    }

    private void RemoveUnit(int index)
    {
        RemovePartial(ref _units[index]);
        FreePages -= geometry.PagesPerAu;
        bitmap.Release(_units[index].Au);
        _ = _unitOf.Remove(new U32Key(_units[index].Au));
        int last = --_unitCount;
        if (index == last) { return; }
        _units[index] = _units[last];
        _unitOf.Set(new U32Key(_units[index].Au), index);
        if (_units[index].PartialAt >= 0) { _partial[_units[index].PartialAt] = index; }
    }

    private void AddPartial(int index)
    {
        if (_partialCount == _partial.Length) { Array.Resize(ref _partial, _partialCount * 2); }
        _units[index].PartialAt = _partialCount;
        _partial[_partialCount++] = index;
    }

    private void RemovePartial(ref PageUnit unit)
    {
        int at = unit.PartialAt;
        unit.PartialAt = -1;
        int last = --_partialCount;
        if (at == last) { return; }
        _partial[at] = _partial[last];
        _units[_partial[at]].PartialAt = at;
    }
}
