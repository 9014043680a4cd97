using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>Reads that met a damaged block: what is bad here comes from another replica, and is noted for repair.</summary>
internal sealed partial class PgReplica
{
    /// <summary>Rounds for a block that is written again and again while it is asked for.</summary>
    private const int MaxReadRounds = 16;

    /// <summary>Reads block by block, each from here or, when it is damaged, from another replica. Every block is as of some state
    /// between the call and its end, as for any read.</summary>
    /// <param name="crcs">Gets the CRC-32C of each block.</param>
    /// <returns>None; BadMessage = no replica has a good copy; Canceled = this replica is gone; anything else = not now.</returns>
    public async ReactorTask<Errno> ReadAroundDamageAsync(
        ObjectId target, int firstBlock, int blocks, PooledBuffer buffer, int bufferOffset, uint[] crcs)
    {
        AwaitedRead read = new(_shard.Objects);
        for (int i = 0; i < blocks; i++)
        {
            int block = firstBlock + i;
            int offset = bufferOffset + (i * Units.BlockBytes);
            Errno status = Errno.Stale;
            for (int round = 0; status == Errno.Stale && round < MaxReadRounds; round++)
            {
                if (!_shard.TryGetPg(Id, out PgReplica? now) || now != this) { return Errno.Canceled; }
                BlockPlace place = _shard.Objects.Locate(Id, target, block);
                status = await read.RunAsync(Id, target, block, 1, buffer, offset);
                crcs[i] = read.Crcs[0];
                if (status is not (Errno.BadMessage or Errno.Io)) { continue; }
                _shard.Repairs.Add(Id, target, block);
                uint? expected = read.KnowsCrcs ? read.Crcs[0] : null;
                (status, crcs[i]) = await _shard.Repairs.FetchBlockAsync(this, target, block, place, expected, buffer, offset);
            }
            if (status != Errno.None) { return status; }
        }
        return Errno.None;
    }

    /// <summary>A client's read met damage: once more, with the other replicas' help.</summary>
    private async ReactorTask ReadDamagedAsync(ReadOp op)
    {
        uint[] crcs = new uint[op.Count];
        Errno status = await ReadAroundDamageAsync(op.Target, op.From, op.Count, op.Data!, 0, crcs);
        if (status != Errno.None)
        {
            FinishRead(op, RefusalOf(status));
            return;
        }
        _shard.Counters.ReadsFromPeers++;
        AnswerRead(op, DataReplyFlags.None, crcs);
    }

    /// <summary>A merge met damage in the block that it wants to complete.</summary>
    private async ReactorTask ReadDamagedEdgeAsync(WriteOp op)
    {
        Errno status = await ReadAroundDamageAsync(op.Object, op.FirstBlock, 1, op.EdgeBuffer!, op.BufferOffset, new uint[1]);
        if (status == Errno.None) { OnEdgeRead(op, status); }
        else { Finish(op, RefusalOf(status)); }
    }

    /// <summary>An error only when every copy is known to be bad: a replica that is away may have a good one.</summary>
    private static DataStatus RefusalOf(Errno status) => status switch
    {
        Errno.Canceled => DataStatus.NotLeader,
        Errno.BadMessage or Errno.Io => DataStatus.Io,
        _ => DataStatus.Again,
    };
}
