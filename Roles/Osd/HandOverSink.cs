using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>
/// Follower: takes over the state that the leader hands over (<see cref="HandOverSource"/>). One message at a time; an answer
/// is sent when what it answers is durable. An object becomes valid as a whole with its last blocks, so that whatever has
/// arrived before a crash is kept: the next attempt finds it at the right version and does not want it again. Until the end
/// the replica is marked as incomplete and does not lead.
/// </summary>
internal sealed class HandOverSink(OsdShard shard, IConnection connection) : IConnectionHandler
{
    private PgReplica? _pg;
    private ulong _index;
    private ulong _term;
    private ulong _purgeEpoch;
    private GroupBase? _base;
    private ObjectId? _listedUpTo;
    private ObjectInstall? _install;
    private bool _isBusy;
    private bool _isClosed;

    public void OnUp(IConnection connection) { }

    public void OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Type != FrameType.RecoveryRequest || _isBusy
            || !HandOverMessage.TryRead(frame.Body, frame.PayloadBytes, out HandOverMessage message)
            || (_pg is not null && (message.Pg != _pg.Id || message.Index != _index || message.Term != _term || IsGone(_pg))))
        {
            connection.Close(Errno.Protocol);
            return;
        }
        switch (message.Op)
        {
            case HandOverOp.Begin:
                Begin(in message);
                break;
            case HandOverOp.Sessions when _pg is not null:
                TakeSessions(in message);
                break;
            case HandOverOp.Objects when _pg is not null:
                TakeList(in message);
                break;
            case HandOverOp.Data when _pg is not null:
                TakeBlocks(in message, frame.Payload);
                break;
            case HandOverOp.End when _pg is not null:
                RunBusy(EndAsync());
                break;
            default:
                connection.Close(Errno.Protocol);
                break;
        }
    }

    /// <summary>The replica was deleted meanwhile: nothing may be installed under its name any more.</summary>
    private bool IsGone(PgReplica pg) => !shard.TryGetPg(pg.Id, out PgReplica? present) || present != pg;

    public void OnClosed(IConnection connection, Errno reason, string detail)
    {
        _isClosed = true;
        if (!_isBusy) { _install?.Abort(); } // else its task does
        if (_pg is not null) { _pg.IsTakingOver = false; }
        _pg = null;
    }

    private void Begin(in HandOverMessage message)
    {
        if (_pg is not null || !shard.TryGetPg(message.Pg, out PgReplica? pg) || pg.Group is null)
        {
            Answer(HandOverOp.Begin, message.Pg, Errno.NotFound);
            return;
        }
        RaftGroup group = pg.Group;
        // What a replica with incomplete state has applied, and what its log holds, counts for nothing: it needs the state.
        bool isWanted = group.IsRecovering ? message.Index >= group.BaseIndex.Value : message.Index > group.Applied.Value;
        if (group.Config.Incarnation != message.Incarnation || !isWanted || group.IsLeader || pg.IsTakingOver)
        {
            Answer(HandOverOp.Begin, message.Pg, pg.IsTakingOver ? Errno.Busy : Errno.Stale);
            return;
        }
        if (message.Term > group.Term.Value)
        {
            Answer(HandOverOp.Begin, message.Pg, Errno.Again); // this replica has not heard of the leader's term yet
            return;
        }
        if (!group.IsRecovering && group.TryGetTerm(new LogIndex(message.Index), out Term known) && known.Value == message.Term)
        {
            // Raft §7: what follows a matching entry is kept. It may have been acknowledged, and so be part of a commit.
            Answer(HandOverOp.Begin, message.Pg, Errno.Exists);
            return;
        }
        _base = GroupBase.Decode(message.Items, new LogIndex(message.Index), new Term(message.Term), new LogIndex(message.Version));
        if (_base is null)
        {
            Answer(HandOverOp.Begin, message.Pg, Errno.BadMessage);
            return;
        }
        (_pg, _index, _term, _purgeEpoch) = (pg, message.Index, message.Term, message.PurgeEpoch);
        pg.IsTakingOver = true;
        RunBusy(BeginAsync(pg));
    }

    private async ReactorTask<Errno> BeginAsync(PgReplica pg)
    {
        MarkWaiter marked = new();
        Errno begun = pg.Group!.BeginRecovery(marked);
        if (begun != Errno.None)
        {
            Refuse(pg, begun);
            return begun;
        }
        bool durable = await marked.Done;
        if (_isClosed || !durable) { return Errno.Canceled; }
        // What is in the log only would be lost when the log begins anew; at home it can be compared with the list.
        Errno status = await shard.MoveAllHomeAsync();
        if (_isClosed) { return Errno.Canceled; }
        if (status == Errno.NoSpace && !IsGone(pg))
        {
            // What has no room at home comes again with the state, if it is still part of it.
            Reached.Mark("osd: hand-over to a replica without room");
            RemoveUnhomed(pg.Id);
            status = Errno.None;
        }
        // The sessions are replaced by those that come; what is stored stays until the end.
        pg.Received.Clear();
        pg.Received.LoadPurgeEpoch(new Epoch(_purgeEpoch));
        Answer(HandOverOp.Begin, pg.Id, status);
        return status;
    }

    /// <summary>Not now: the leader asks again later, on another connection.</summary>
    private void Refuse(PgReplica pg, Errno status)
    {
        pg.IsTakingOver = false;
        _pg = null;
        Answer(HandOverOp.Begin, pg.Id, status);
    }

    private void TakeSessions(in HandOverMessage message)
    {
        ReadOnlySpan<byte> items = message.Items;
        while (items.Length >= sizeof(ushort))
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(items);
            items = items[sizeof(ushort)..];
            if (length > items.Length || !ImageSession.TryLoad(items[..length], out ImageSession session))
            {
                Answer(HandOverOp.Sessions, _pg!.Id, Errno.BadMessage);
                return;
            }
            _pg!.Received.LoadImage(session);
            items = items[length..];
        }
        Answer(HandOverOp.Sessions, _pg!.Id, items.Length == 0 ? Errno.None : Errno.BadMessage);
    }

    /// <summary>Compares the list with what is here, in order: what lies between two lines and is not named was deleted.</summary>
    private void TakeList(in HandOverMessage message)
    {
        PgId id = _pg!.Id;
        Span<byte> wanted = stackalloc byte[(message.Count + 7) / 8];
        wanted.Clear();
        WireReader reader = new(message.Items);
        for (int i = 0; i < message.Count; i++)
        {
            _ = reader.TryU64(out ulong image);
            _ = reader.TryU32(out uint index);
            _ = reader.TryU64(out ulong version);
            ObjectId listed = new(new ImageId(image), index);
            DeleteBetween(_listedUpTo, listed);
            if (shard.Objects.HomeVersionOf(id, listed) != version) { wanted[i / 8] |= (byte)(1 << (i % 8)); }
            _listedUpTo = listed;
        }
        if (!message.HasMore) { DeleteBetween(_listedUpTo, null); }
        Answer(HandOverOp.Objects, id, Errno.None, wanted);
    }

    private void RemoveUnhomed(PgId id)
    {
        Span<ObjectVersion> page = stackalloc ObjectVersion[64];
        ObjectId? after = null;
        int count;
        do
        {
            count = shard.Objects.List(id, after, page);
            for (int i = 0; i < count; i++)
            {
                after = page[i].Object;
                if (shard.Objects.HomeVersionOf(id, page[i].Object) != page[i].Version) { shard.Objects.RemoveObject(id, page[i].Object); }
            }
        }
        while (count == page.Length);
    }

    private void DeleteBetween(ObjectId? after, ObjectId? before)
    {
        Span<ObjectVersion> page = stackalloc ObjectVersion[64];
        while (true)
        {
            int count = shard.Objects.List(_pg!.Id, after, page);
            for (int i = 0; i < count; i++)
            {
                ObjectId mine = page[i].Object;
                if (before is { } end && Compare(mine, end) >= 0) { return; }
                shard.Objects.RemoveObject(_pg.Id, mine);
                after = mine;
            }
            if (count < page.Length) { return; }
        }
    }

    private static int Compare(ObjectId a, ObjectId b) =>
        a.Image == b.Image ? a.Index.CompareTo(b.Index) : a.Image.Value.CompareTo(b.Image.Value);

    private void TakeBlocks(in HandOverMessage message, PooledBuffer? payload)
    {
        if (message.FirstBlock + message.Count > _pg!.BlocksPerObject)
        {
            connection.Close(Errno.Protocol);
            return;
        }
        ReadOnlySpan<uint> crcs = MemoryMarshal.Cast<byte, uint>(message.Items);
        if (_install is null || _install.Object != message.Object)
        {
            _install?.Abort();
            Errno begun = shard.Objects.BeginInstall(_pg.Id, message.Object, message.Version, _index, out _install);
            if (begun != Errno.None)
            {
                Answer(HandOverOp.Data, _pg.Id, begun == Errno.Stale ? Errno.None : begun);
                return;
            }
        }
        payload?.Retain();
        ReactorTask<Errno> written = payload is null ? Nothing()
            : _install!.WriteAsync(message.FirstBlock, message.Count, payload, 0, crcs);
        RunBusy(InstallAsync(_install!, written, payload, message.HasMore));
    }

    private static async ReactorTask<Errno> Nothing()
    {
        await ReactorTask.Completed;
        return Errno.None;
    }

    private async ReactorTask<Errno> InstallAsync(
        ObjectInstall install, ReactorTask<Errno> written, PooledBuffer? payload, bool more)
    {
        ObjectId target = install.Object;
        Errno status = await written;
        payload?.Release();
        bool commits = status == Errno.None && !more && !_isClosed;
        if (commits || status != Errno.None || _isClosed) { _install = null; }
        if (commits)
        {
            status = await install.CommitAsync();
            if (status == Errno.None) { shard.Counters.RecoveredObjects++; }
        }
        else if (_install is null) { install.Abort(); }
        // The old contents give their room to the new: the state counts as incomplete anyway, and the next attempt finds it.
        if (status == Errno.NoSpace && !_isClosed) { shard.Objects.RemoveObject(_pg!.Id, target); }
        if (!_isClosed) { Answer(HandOverOp.Data, _pg!.Id, status); }
        return status;
    }

    private async ReactorTask<Errno> EndAsync()
    {
        PgReplica pg = _pg!;
        // Deleted objects must be gone for good before the log that could bring them back begins anew.
        Errno status = await shard.Objects.FlushAsync();
        if (_isClosed || IsGone(pg)) { return Errno.Canceled; }
        if (status == Errno.None) { status = pg.FinishHandOver(_base!); }
        Answer(HandOverOp.End, pg.Id, status);
        return status;
    }

    private void RunBusy(ReactorTask<Errno> work)
    {
        if (work.IsCompleted)
        {
            work.Forget();
            return;
        }
        _isBusy = true;
        ClearWhenDoneAsync(work).Start();
    }

    private async ReactorTask ClearWhenDoneAsync(ReactorTask<Errno> work)
    {
        _ = await work;
        _isBusy = false;
    }

    private void Answer(HandOverOp op, PgId pg, Errno status, ReadOnlySpan<byte> wanted = default)
    {
        if (_isClosed) { return; }
        Span<byte> body = stackalloc byte[HandOverAnswer.HeaderBytes + (HandOverMessage.MaxListItems / 8)];
        HandOverAnswer answer = new() { Op = op, Pg = pg, Status = status, Wanted = wanted };
        if (connection.TrySend(FrameType.RecoveryReply, body[..answer.Write(body)]) != Errno.None)
        {
            connection.Close(Errno.NoBuffers);
        }
    }

    private sealed class MarkWaiter : IProposalWaiter
    {
        public ReactorSignal<bool> Done { get; } = new();

        public void OnCommitted(LogIndex index) => Done.Set(true);

        public void OnDropped(LogIndex index) => Done.Set(false);
    }
}
