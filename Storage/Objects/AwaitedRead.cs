using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Objects;

/// <summary>A read that a task can wait for: for everything beside the clients' path.</summary>
internal sealed class AwaitedRead(ObjectStore store) : ObjectRead
{
    private readonly ReactorSignal<Errno> _done = new();

    /// <summary>Reads whole blocks; see <see cref="ObjectRead"/>. One call at a time.</summary>
    public async ReactorTask<Errno> RunAsync(PgId group, ObjectId obj, int firstBlock, int blocks, PooledBuffer buffer, int bufferOffset = 0)
    {
        Prepare(group, obj, firstBlock, blocks, buffer, bufferOffset);
        store.Read(this);
        Errno status = await _done;
        _done.Reset();
        return status;
    }

    protected override void OnCompleted(Errno status) => _done.Set(status);
}
