using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

// Blocks are written into fresh units that nothing names. Commit writes the checksum page, flushes, and then one atomic record
// switches the object over: before it the old object is there, after it the new one, nothing in between. A crash leaves no
// trace, because what no record names is free. Entries of the log up to the installed version are skipped on replay.

/// <summary>Installs a whole object received from a peer. Made by <see cref="ObjectStore.BeginInstall"/>; ends with
/// <see cref="CommitAsync"/> or <see cref="Abort"/>. The object is busy until then: it is not moved home, and what it was before
/// goes on being read.</summary>
internal sealed partial class ObjectInstall : IDisposable
{
    private readonly ObjectStore _store;
    private readonly IoGroup _io;
    private bool _open;

    internal ObjectInstall(ObjectStore store)
    {
        _store = store;
        _io = new IoGroup(store.Device, store);
        Allocate();
    }

    public PgId Group { get; private set; }
    public ObjectId Object { get; private set; }

    /// <summary>Raft index of the object's last change at the sender.</summary>
    public ulong Version { get; private set; }

    /// <summary>Writes whole blocks from <paramref name="bufferOffset"/> on; blocks never written stay holes. One call at a
    /// time; the buffer must be retained until it ends.</summary>
    /// <param name="crcs">CRC-32C of each block as the sender knows it; checked first.</param>
    /// <returns>None; Invalid = outside the object; BadMessage = a block does not match; NoSpace; Io.</returns>
    public ReactorTask<Errno> WriteAsync(
        int firstBlock, int blocks, PooledBuffer buffer, int bufferOffset, ReadOnlySpan<uint> crcs)
    {
        Errno status = Prepare(firstBlock, blocks, buffer, bufferOffset, crcs);
        return WriteAsync(status);
    }

    /// <summary>Makes the object durable and visible. The installation is over, whatever comes of it: it must not be touched
    /// any more, another object may be using it.</summary>
    /// <returns>None; NoSpace = no room for the checksum page; Canceled = the object, its image or its group was removed
    /// meanwhile; Io.</returns>
    public async ReactorTask<Errno> CommitAsync()
    {
        Invariant.Require(_open);
        (Errno status, ulong sequence) = await WriteRecordAsync();
        if (status is not Errno.None)
        {
            Abort();
            return status;
        }
        Switch(sequence);
        Close();
        return await _store.Durability.WaitAsync(sequence);
    }

    /// <summary>Checksum page, flush, and the record that switches the object over.</summary>
    private async ReactorTask<(Errno Status, ulong Sequence)> WriteRecordAsync()
    {
        while (!TryPreparePage())
        {
            if (!_store.HasSpaceComing) { return (Errno.NoSpace, 0); }
            Errno flushed = await _store.FlushAsync();
            if (flushed is not Errno.None) { return (flushed, 0); }
            await _store.Reactor.Delay(ObjectStore.RetryNanos);
        }
        Errno status = await _io.RunAsync();
        if (status is not Errno.None) { return (status, 0); }
        _io.Begin();
        _ = _io.Add(IoKind.Flush, 0);
        status = await _io.RunAsync();
        if (status is not Errno.None) { return (status, 0); }
        ulong sequence = 0;
        while ((status = IsRemoved ? Errno.Canceled : TryRecord(out sequence)) is not Errno.None)
        {
            if (ObjectStore.Permanent(status) is not Errno.None) { return (status, 0); }
            await _store.Reactor.Delay(ObjectStore.RetryNanos);
        }
        return (Errno.None, sequence);
    }

    /// <summary>Gives everything back, instead of a commit. Not while a call is under way.</summary>
    public void Abort()
    {
        if (!_open) { return; }
        ReturnSpace();
        Close();
    }

    private async ReactorTask<Errno> WriteAsync(Errno status) => status is Errno.None ? await _io.RunAsync() : status;
}
