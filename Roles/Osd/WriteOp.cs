using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>
/// One logged operation on the leader, from the request to the answer. Pooled by its shard.
/// <code>
///            +--- overlaps a write under way ---+
///            v                                  |
/// Free -> Waiting -> Merging (reads the edge blocks) -> Ready -> Proposed -> Free
///            +------------- whole blocks only ------------^
/// </code>
/// A write that covers a block only in part is made whole here, in log order: it waits until every earlier write of those
/// blocks is applied, and later writes of them wait for it.
/// </summary>
internal sealed class WriteOp(OsdShard shard) : ObjectRead, IProposalWaiter
{
    internal enum OpStage : byte
    {
        Free,
        Waiting,
        Merging,
        Ready,
        Proposed,
    }

    /// <summary>A full payload plus nothing: the codec bounds the blocks of a request.</summary>
    private readonly uint[] _crcs = new uint[DataLimits.MaxBlocks];

    public PgReplica? Pg { get; private set; }
    public OpStage Stage { get; set; }

    /// <summary>Header of the log entry in the making.</summary>
    public PgOpHeader Header;

    /// <summary>Who gets the answer; moves to the newest asker when a client repeats itself. Null = nobody (a purge or cut).</summary>
    public ClientLink? Link { get; set; }

    public ulong Tag { get; set; }

    /// <summary>When the request came, for the statistics.</summary>
    public long ArrivedNanos { get; private set; }

    /// <summary>The leader's term when the request came: under another one its preparations are void.</summary>
    public Term Term { get; set; }

    /// <summary>Payload of the entry: whole blocks from the buffer's start. Null when there is none. One reference.</summary>
    public PooledBuffer? Payload { get; set; }

    /// <summary>Room for the present contents of the edge blocks. One reference.</summary>
    public PooledBuffer? EdgeBuffer { get; set; }

    /// <summary>The bytes that are really written, within the object; multiples of 512.</summary>
    public int StartBytes { get; private set; }
    public int EndBytes { get; private set; }

    /// <summary>How many of the edge blocks are still to be read.</summary>
    public int EdgesLeft { get; set; }

    /// <summary>Links of the PG's list of operations under way, in order of arrival.</summary>
    public WriteOp? Next { get; set; }
    public WriteOp? Previous { get; set; }

    /// <summary>CRC-32C of each block of <see cref="Payload"/>.</summary>
    public Span<uint> PayloadCrcs => _crcs.AsSpan(0, Header.PayloadBlocks);

    /// <summary>All CRC slots: while the request is being checked the entry's payload may not be settled yet.</summary>
    public Span<uint> CrcSlots => _crcs;

    public bool FirstBlockIsPartial => StartBytes % Units.BlockBytes != 0 || (Header.Blocks == 1 && LastBlockIsCut);

    /// <summary>Only when it is another block than the first.</summary>
    public bool LastBlockIsPartial => Header.Blocks > 1 && LastBlockIsCut;

    private bool LastBlockIsCut => EndBytes % Units.BlockBytes != 0;

    /// <summary>Must its first or last block be merged with what is there?</summary>
    public bool NeedsMerge => Header.Kind is PgOpKind.Write or PgOpKind.WriteZeroes or PgOpKind.CutImage
        && (FirstBlockIsPartial || LastBlockIsPartial);

    public void Begin(PgReplica pg, in PgOpHeader header, ClientLink? link, ulong tag, int startBytes, int endBytes)
    {
        Invariant.Require(Stage == OpStage.Free);
        Pg = pg;
        Header = header;
        Link = link;
        Tag = tag;
        ArrivedNanos = shard.Reactor.NowNanos;
        StartBytes = startBytes;
        EndBytes = endBytes;
        Stage = OpStage.Waiting;
    }

    /// <summary>Do the two touch a common block?</summary>
    public bool Overlaps(WriteOp other) =>
        Header.Blocks > 0 && other.Header.Blocks > 0
        && Header.Image == other.Header.Image && Header.ObjectIndex == other.Header.ObjectIndex
        && Header.FirstBlock < other.Header.FirstBlock + other.Header.Blocks
        && other.Header.FirstBlock < Header.FirstBlock + Header.Blocks;

    /// <summary>Gives everything back.</summary>
    public void End()
    {
        Invariant.Require(Stage != OpStage.Free);
        Payload?.Release();
        EdgeBuffer?.Release();
        (Payload, EdgeBuffer, Link, Pg) = (null, null, null, null);
        Stage = OpStage.Free;
        shard.WriteOps.Return(this);
    }

    /// <summary>An edge block has been read.</summary>
    protected override void OnCompleted(Errno status) => Pg!.OnEdgeRead(this, status);

    public void OnCommitted(LogIndex index) => Pg!.OnWriteApplied(this);

    public void OnDropped(LogIndex index) => Pg!.OnWriteDropped(this);
}
