using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

internal sealed unsafe partial class ObjectStore
{
    private readonly Stack<ObjectInstall> _installs = new();
    private uint _installAus;

    /// <summary>Begins to install an object received from a peer in place of what is here.</summary>
    /// <param name="asOf">Index of the state that is handed over, at most the version's or above it: another version that is not
    /// beyond this index is wrong, however new it looks; one beyond it has what the log will bring.</param>
    /// <param name="install">Owned by the caller until its commit or abort.</param>
    /// <returns>None; Stale = what is here is as new already; Busy = it is being moved or installed: again later.</returns>
    public Errno BeginInstall(PgId group, ObjectId obj, ulong version, ulong asOf, out ObjectInstall? install)
    {
        install = null;
        Invariant.Require(version > 0);
        uint number = _onodes.FindOrAdd(new ObjectKey(group, obj));
        Onode* onode = _onodes[number];
        if (onode->Is(OnodeFlags.Busy)) { return Errno.Busy; }
        bool isKept = onode->Version == version || (onode->Version > version && onode->Version > asOf);
        if (onode->Is(OnodeFlags.Exists) && isKept) { return Errno.Stale; }
        onode->Flags |= OnodeFlags.Busy;
        if (!_installs.TryPop(out install)) { install = new ObjectInstall(this); }
        install.Begin(number, group, obj, version);
        return Errno.None;
    }

    /// <summary>A unit for an installation, which has no promise: only when it leaves all promises and the reserve intact.</summary>
    internal uint TryAllocateForInstall()
    {
        if (AvailableAus(0) < 1) { return BlobGeometry.None; }
        uint au = _blobs.TryAllocateAu();
        if (au != BlobGeometry.None) { _installAus++; }
        return au;
    }

    internal void ReturnInstallAu(uint au)
    {
        _installAus--;
        _blobs.ReturnAu(au);
    }

    internal void EndInstall(ObjectInstall install, uint number)
    {
        Onode* onode = _onodes[number];
        onode->Flags &= ~(OnodeFlags.Busy | OnodeFlags.Removed);
        onode->Flags |= OnodeFlags.LoosePromises;
        DropEmptySlots(number, 0, _onodes.Slots - 1);
        Settle(number);
        _installs.Push(install);
    }

    /// <summary>The object is now what the record appended under <paramref name="sequence"/> says.</summary>
    internal void ReplaceContents(
        uint number, ulong version, ReadOnlySpan<uint> units, ReadOnlySpan<ulong> present, uint crcPage, uint crcPageSum,
        ulong sequence)
    {
        Onode* onode = _onodes[number];
        while (onode->OverlayCount > 0) { _overlay.Remove(onode->OverlayHead); }
        uint* mine = OnodeTable.Units(onode);
        for (int slot = 0; slot < units.Length; slot++)
        {
            if (mine[slot] < Onode.Promised)
            {
                _blobs.DropCommittedAu(mine[slot], sequence);
                onode->Mapped--;
                mine[slot] = Onode.Unmapped;
                _onodes.Collections[onode->Collection]->Aus--;
            }
            if (units[slot] == Onode.Unmapped) { continue; }
            MapSlot(number, slot, units[slot]);
            _installAus--;
        }
        present.CopyTo(new Span<ulong>(_onodes.Present(onode), present.Length));
        onode->HomeBlocks = OnodeRecord.CountBits(present, 0, _onodes.Blocks);
        if (onode->CrcPage != BlobGeometry.None) { _blobs.DropCommittedPage(onode->CrcPage, sequence); }
        onode->CrcPage = crcPage;
        onode->CrcPageSum = crcPageSum;
        if (crcPage != BlobGeometry.None) { TakePagePromise(onode); }
        onode->Version = version;
        onode->HomeVersion = version;
        onode->Flags |= OnodeFlags.Recorded;
        Touch(number, version);
        UnlinkStale(number);
        _statistics.RecordsWritten++;
    }
}
