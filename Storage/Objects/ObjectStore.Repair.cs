using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

// Repair. What is damaged is first brought home, if it was in the log (the log is never written over), and rewritten there:
//
//   a block at home   in place, with the very contents that the checksum page demands. A crash in between leaves a block that
//                     does not match, as it was before; nothing that a record or a log entry refers to ever becomes something
//                     else. The object is busy meanwhile, so its units stay where they are and nobody moves it.
//   a checksum page   a new page elsewhere, flushed, then a record that names it: as in every move home.
//
// Writes and discards go on: they only touch the overlay and the map of blocks.
internal sealed partial class ObjectStore
{
    /// <summary>Rewrites a block at home with the contents that it should have. One repair at a time.</summary>
    /// <param name="place">Where it was when it was found damaged.</param>
    /// <param name="crc">Of the contents; the object's checksum page must say the same.</param>
    /// <returns>None; Stale = it is not there any more; Busy = the object is being moved or installed; Again = its checksum page is
    /// not in memory; BadMessage = these are not the contents that belong there; Io.</returns>
    public async ReactorTask<Errno> RewriteHomeAsync(
        PgId group, ObjectId obj, int block, BlockPlace place, uint crc, PooledBuffer buffer, int bufferOffset)
    {
        Errno status = BeginRewrite(group, obj, block, place, crc, buffer, bufferOffset, out uint number);
        if (status is not Errno.None) { return status; }
        status = await _repairIo!.RunAsync();
        if (status is Errno.None)
        {
            _repairIo.Begin();
            _ = _repairIo.Add(IoKind.Flush, 0);
            status = await _repairIo.RunAsync();
        }
        EndRepair(number);
        return status;
    }

    /// <summary>Gives an object a new checksum page. One repair at a time.</summary>
    /// <param name="crcs">CRC-32C of every block as another replica has them.</param>
    /// <param name="version">What they are of; see <see cref="IChecksumSource"/>.</param>
    /// <returns>None; Stale = it has moved home or gone since; Busy; NoSpace; Io.</returns>
    public async ReactorTask<Errno> ReplaceCrcPageAsync(PgId group, ObjectId obj, uint[] crcs, ulong version)
    {
        Errno status = BeginPage(group, obj, crcs, version, out uint number, out uint page, out uint sum);
        if (status is not Errno.None) { return status; }
        status = await _repairIo!.RunAsync();
        if (status is Errno.None)
        {
            _repairIo.Begin();
            _ = _repairIo.Add(IoKind.Flush, 0);
            status = await _repairIo.RunAsync();
        }
        ulong sequence = 0;
        while (status is Errno.None && (status = TryRecordPage(number, page, sum, out sequence)) is not Errno.None)
        {
            if (Permanent(status) is not Errno.None) { break; }
            await _reactor.Delay(RetryNanos);
            status = Errno.None;
        }
        if (status is not Errno.None) { _blobs.ReturnPage(page); }
        EndRepair(number);
        return status is Errno.None ? await _durable.WaitAsync(sequence) : status;
    }
}
