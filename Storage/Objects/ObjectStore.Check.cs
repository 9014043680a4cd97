using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

internal sealed unsafe partial class ObjectStore
{
    /// <summary>Units that are marked as used although nothing names them; negative = named but not marked. 0 when all is well,
    /// at any time.</summary>
    public long LeakedAus
    {
        get
        {
            long mapped = 0;
            for (uint number = 0; number < _onodes.End; number++) { mapped += _onodes.IsLive(number) ? _onodes[number]->Mapped : 0; }
            long used = (long)_blobs.Geometry.AuCount - _blobs.FreeAus;
            return used - mapped - _blobs.PageAus - _blobs.LeavingAus - _installAus;
        }
    }

    /// <summary>Recounts what is kept as running sums and compares; expensive, for tests and the simulator.</summary>
    internal void CheckInvariants()
    {
        long promised = 0, pages = 0, overlay = 0;
        for (uint number = 0; number < _onodes.End; number++)
        {
            if (!_onodes.IsLive(number)) { continue; }
            Onode* onode = _onodes[number];
            int mapped = 0, promises = 0;
            for (int slot = 0; slot < _onodes.Slots; slot++)
            {
                uint unit = OnodeTable.Units(onode)[slot];
                mapped += unit < Onode.Promised ? 1 : 0;
                promises += unit == Onode.Promised ? 1 : 0;
                Invariant.Require(unit >= Onode.Promised || _blobs.IsUsed(unit));
                bool present = _onodes.CountPresent(onode, slot * _options.BlocksPerAu, _options.BlocksPerAu) > 0;
                Invariant.Require(!present || unit < Onode.Promised);
            }
            Invariant.Require(mapped == onode->Mapped);
            Invariant.Require(promises == onode->PromisedSlots);
            Invariant.Require(onode->HomeBlocks == _onodes.CountPresent(onode, 0, _onodes.Blocks));
            Invariant.Require(onode->HomeBlocks == 0 || onode->CrcPage != BlobGeometry.None);
            Invariant.Require(onode->HomeVersion <= onode->Version);
            promised += promises;
            pages += onode->Is(OnodeFlags.PagePromised) ? 1 : 0;
            for (uint at = onode->OverlayHead; at != ChunkedSlab.None; at = _overlay[at]->NextOfObject)
            {
                overlay++;
                uint unit = OnodeTable.Units(onode)[(int)_overlay[at]->Block / _options.BlocksPerAu];
                Invariant.Require(unit != Onode.Unmapped);
            }
        }
        Invariant.Require(promised == _promisedAus);
        Invariant.Require(pages == _promisedPages);
        Invariant.Require(overlay == _overlay.Count);
        Invariant.Require(LeakedAus == 0);
    }
}
