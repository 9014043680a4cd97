using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>One read on the leader: confirmed leadership first, then the object store, then the answer. Pooled by its
/// shard.</summary>
internal sealed class ReadOp(OsdShard shard) : ObjectRead, IReadWaiter
{
    public PgReplica? Pg { get; private set; }
    public ClientLink? Link { get; private set; }
    public ulong Tag { get; private set; }

    /// <summary>When the request came, for the statistics.</summary>
    public long ArrivedNanos { get; private set; }
    public DataOp Op { get; private set; }

    /// <summary>0 = a reader that owns nothing.</summary>
    public ulong OwnerGeneration { get; private set; }
    public ObjectId Target { get; private set; }
    public int From { get; private set; }
    public int Count { get; private set; }

    /// <summary>Within the object.</summary>
    public ulong EndBytes { get; private set; }

    /// <summary>Of the map that the request was made by.</summary>
    public Epoch Epoch { get; private set; }

    /// <summary>Where the data goes; one reference.</summary>
    public PooledBuffer? Data { get; set; }

    public void Begin(PgReplica pg, ClientLink link, in DataRequest request)
    {
        Pg = pg;
        Link = link;
        Tag = request.Tag;
        ArrivedNanos = shard.Reactor.NowNanos;
        Op = request.Op;
        OwnerGeneration = request.OwnerGeneration;
        Target = request.Object;
        From = request.FirstBlock;
        Count = request.Blocks;
        EndBytes = (ulong)request.OffsetBytes + request.LengthBytes;
        Epoch = request.Epoch;
    }

    public void End()
    {
        Data?.Release();
        (Data, Link, Pg) = (null, null, null);
        shard.ReadOps.Return(this);
    }

    public void OnReadable(LogIndex index) => Pg!.ReadNow(this);

    public void OnReadFailed() => Pg!.OnReadRefused(this);

    protected override void OnCompleted(Errno status) => Pg!.OnReadDone(this, status);
}
