using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;

namespace Fastblock.Tests.Unit.Client;

/// <summary>Three OSDs as one scripted object: one store, a leader per PG that the test moves, and a hook that may answer a
/// request in any other way. Checks what every real OSD relies on: sessions, sequences, checksums.</summary>
internal sealed class FakeCluster : ITransport, IImageAuthority
{
    public const int ObjectBytes = 1 << 20;
    public const int PgCount = 4;

    private readonly List<(FakeConnection Connection, Errno Reason)> _closing = [];
    private readonly List<FakeConnection> _connecting = [];
    private readonly Stack<FakeFrame> _free = new();
    private readonly RingQueue<FakeFrame> _replies = new(64);
    private readonly List<IRouteListener> _listeners = [];
    private readonly byte[] _replyBody = new byte[4096];
    private readonly uint[] _crcs = new uint[DataLimits.MaxBlocks];

    public FakeCluster(long imageBytes = 8 << 20)
    {
        Epoch at = new(10);
        Guid[] devices = [new(1, 0, 0, new byte[8]), new(2, 0, 0, new byte[8]), new(3, 0, 0, new byte[8])];
        Put(MapKeys.Cluster, new ClusterInfo { Uuid = new Guid(9, 0, 0, new byte[8]), Shards = 1 }.ToBytes(), at);
        PoolInfo pool = new() { Id = new PoolId(1), Name = "vol", Replicas = 3, PgCount = PgCount, ObjectBytes = ObjectBytes };
        Put(MapKeys.Pool(pool.Id), pool.ToBytes(), at);
        for (uint osd = 0; osd < 3; osd++)
        {
            Put(MapKeys.Osd(new OsdId(osd)), new OsdInfo
            {
                Id = new OsdId(osd),
                Device = devices[osd],
                PublicAddress = new NetAddress(System.Net.IPAddress.Loopback, (ushort)(7000 + osd)),
                Shards = 1,
                Up = true,
            }.ToBytes(), at);
        }
        for (uint pg = 0; pg < PgCount; pg++)
        {
            Leaders[pg] = pg % 3;
            PgInfo info = new()
            {
                Id = new PgId(pool.Id, pg),
                Members = [new(new OsdId(0), devices[0]), new(new OsdId(1), devices[1]), new(new OsdId(2), devices[2])],
                Incarnation = 1,
                State = PgState.Active,
                PreferredLeader = new OsdId(pg % 3),
            };
            Put(MapKeys.Pg(info.Id), info.ToBytes(), at);
        }
        PutImage(imageBytes, at);
        Data = new byte[imageBytes];
        Written = new bool[imageBytes / 4096 + 1];
        Map.Advance(at);
    }

    public BufferPool Buffers { get; } = new([(4096, 256), (65536, 64), (512 * 1024, 64)]);
    public ClusterMap Map { get; } = new();
    public uint[] Leaders { get; } = new uint[PgCount];
    public byte[] Data { get; }
    public bool[] Written { get; }
    public RingQueue<FakeFrame> Requests { get; } = new(64);
    public HashSet<uint> Down { get; } = [];

    /// <summary>OSDs to which a connection is never made nor refused.</summary>
    public HashSet<uint> Silent { get; } = [];

    /// <summary>The client's clock.</summary>
    public Func<long> NowNanos { get; set; } = () => 0;

    public int Probes { get; set; }

    /// <summary>OSDs that give no sign of life.</summary>
    public HashSet<uint> Mute { get; } = [];

    /// <summary>Sees every request first: an answer other than null is sent instead of the normal one; Last + 1 = no answer.</summary>
    public Func<FakeConnection, DataOp, ulong, DataStatus?>? Script { get; set; }

    public const DataStatus NoAnswer = DataStatus.Last + 1;

    /// <summary>Sequences applied, per PG: a second application of one is a test failure.</summary>
    public HashSet<(ulong Pg, ulong Generation, ulong Sequence)> Applied { get; } = [];

    public HashSet<(ulong Pg, ulong Generation)> Sessions { get; } = [];
    public ulong Owner { get; set; }
    public bool IsOwnerAlive { get; set; }
    public int Handled { get; private set; }
    public int BadChecksums { get; private set; }
    public ulong HighestWindow { get; private set; }

    /// <summary>Flips a byte of the next read reply.</summary>
    public bool DamageNextRead { get; set; }

    /// <summary>Remembering applied sequences allocates; off for the allocation test.</summary>
    public bool TrackSequences { get; set; } = true;

    public IConnectionAcceptor? Acceptor { get; set; }
    public TransportCounters Counters { get; } = new();

    public void PutImage(long sizeBytes, Epoch at, ulong generation = 0) => Put(MapKeys.Image(new ImageId(1)), new ImageInfo
    {
        Id = new ImageId(1),
        Name = "demo",
        Pool = new PoolId(1),
        SizeBytes = sizeBytes,
        OwnerGeneration = generation,
    }.ToBytes(), at);

    public void NotifyMapChanged()
    {
        foreach (IRouteListener listener in _listeners.ToArray()) { listener.OnRoutesChanged(); }
    }

    /// <summary>A new map in which one OSD holds nothing.</summary>
    public void MoveAllPgsAway(uint from)
    {
        Epoch at = new(Map.Epoch.Value + 1);
        for (uint number = 0; number < PgCount; number++)
        {
            _ = Map.TryGetPg(new PgId(new PoolId(1), number), out PgInfo? pg);
            List<PgMember> others = [.. pg!.Members];
            _ = others.RemoveAll(member => member.Osd.Value == from);
            Put(MapKeys.Pg(pg.Id), (pg with { Members = [others[0]], PreferredLeader = others[0].Osd }).ToBytes(), at);
        }
        Map.Advance(at);
        NotifyMapChanged();
    }

    private void Put(string key, byte[] value, Epoch at)
    {
        if (!Map.TryPut(key, value, at)) { throw new InvalidOperationException(key); }
    }

    // ---- ITransport ----

    public IConnection Connect(NetAddress address, in Hello hello, IConnectionHandler handler)
    {
        FakeConnection connection = new(this, (uint)(address.Port - 7000), hello.Shard, handler);
        _connecting.Add(connection);
        return connection;
    }

    public Errno Listen(NetAddress address, IHelloGate gate, out NetAddress bound) => throw new NotSupportedException();

    public void CloseLater(FakeConnection connection, Errno reason)
    {
        connection.IsClosed = true;
        connection.IsUp = false;
        _closing.Add((connection, reason));
    }

    public FakeFrame RentFrame(FakeConnection connection, ReadOnlySpan<byte> body)
    {
        FakeFrame frame = _free.Count > 0 ? _free.Pop() : new FakeFrame();
        frame.Connection = connection;
        body.CopyTo(frame.Body);
        frame.BodyBytes = body.Length;
        return frame;
    }

    public List<FakeConnection> Up { get; } = [];

    /// <summary>Kills an OSD: its connections end, new ones fail.</summary>
    public void Kill(uint osd)
    {
        _ = Down.Add(osd);
        foreach (FakeConnection connection in Up.ToArray())
        {
            if (connection.Osd == osd) { connection.Close(Errno.ConnectionReset); }
        }
    }

    /// <summary>Delivers what is under way: connections, requests to the OSDs, replies to the client.</summary>
    public bool Deliver()
    {
        bool did = _connecting.Count > 0 || _closing.Count > 0;
        for (int i = 0; i < _connecting.Count; i++)
        {
            FakeConnection connection = _connecting[i];
            if (connection.IsClosed || Silent.Contains(connection.Osd)) { continue; }
            if (Down.Contains(connection.Osd)) { CloseLater(connection, Errno.ConnectionRefused); continue; }
            connection.IsUp = true;
            connection.HeardNanos = NowNanos();
            Up.Add(connection);
            connection.Handler.OnUp(connection);
        }
        _connecting.Clear();
        for (int i = 0; i < _closing.Count; i++)
        {
            _ = Up.Remove(_closing[i].Connection);
            _closing[i].Connection.Handler.OnClosed(_closing[i].Connection, _closing[i].Reason, "");
        }
        _closing.Clear();
        for (int n = Requests.Count; n > 0; n--)
        {
            did = true;
            FakeFrame frame = Requests.PopFront();
            if (!frame.Connection.IsClosed && !Mute.Contains(frame.Connection.Osd)) { Handle(frame); }
            Recycle(frame);
        }
        for (int n = _replies.Count; n > 0; n--)
        {
            did = true;
            FakeFrame frame = _replies.PopFront();
            if (!frame.Connection.IsClosed)
            {
                Frame view = new()
                {
                    Type = FrameType.DataReply,
                    Body = frame.Body.AsSpan(0, frame.BodyBytes),
                    Payload = frame.Payload,
                    PayloadBytes = frame.PayloadBytes,
                };
                frame.Connection.HeardNanos = NowNanos();
                frame.Connection.Handler.OnFrame(frame.Connection, in view);
            }
            Recycle(frame);
        }
        return did;
    }

    private void Recycle(FakeFrame frame)
    {
        frame.Payload?.Release();
        frame.Payload = null;
        frame.PayloadBytes = 0;
        _free.Push(frame);
    }

    private void Handle(FakeFrame frame)
    {
        Handled++;
        if (!DataRequest.TryRead(frame.Body.AsSpan(0, frame.BodyBytes), frame.PayloadBytes, out DataRequest request))
        {
            throw new InvalidOperationException("the client sent an unsound request");
        }
        DataReply reply = new() { Tag = request.Tag, Pg = request.Pg, Epoch = Map.Epoch };
        DataStatus? scripted = Script?.Invoke(frame.Connection, request.Op, request.Sequence);
        if (scripted == NoAnswer) { return; }
        PooledBuffer? payload = null;
        int payloadBytes = 0;
        if (scripted is not null)
        {
            reply.Status = scripted.Value;
        }
        else if (Leaders[request.Pg.Number] != frame.Connection.Osd)
        {
            reply.Status = DataStatus.NotLeader;
            reply.Flags = DataReplyFlags.HasHint;
            reply.LeaderHint = new OsdId(Leaders[request.Pg.Number]);
        }
        else
        {
            reply.Status = Execute(in request, frame.Payload, ref reply, ref payload, ref payloadBytes);
        }
        FakeFrame answer = RentFrame(frame.Connection, _replyBody.AsSpan(0, reply.Write(_replyBody)));
        answer.Payload = payload;
        answer.PayloadBytes = payloadBytes;
        _replies.PushBack(answer);
    }

    private DataStatus Execute(
        in DataRequest request, PooledBuffer? data, ref DataReply reply, ref PooledBuffer? payload, ref int payloadBytes)
    {
        if (request.OwnerGeneration != 0 && request.OwnerGeneration < Owner)
        {
            reply.OwnerGeneration = Owner;
            return DataStatus.StaleOwner;
        }
        if (request.Op == DataOp.OpenSession) { return Open(request.Pg.Value, request.OwnerGeneration); }
        if (request.Op == DataOp.CloseSession)
        {
            _ = Sessions.Remove((request.Pg.Value, request.OwnerGeneration));
            return DataStatus.Ok;
        }
        if (request.OwnerGeneration != 0 && !Sessions.Contains((request.Pg.Value, request.OwnerGeneration)))
        {
            return DataStatus.UnknownSession;
        }
        long at = (long)request.ObjectIndex * ObjectBytes + request.OffsetBytes;
        if (request.OffsetBytes + request.LengthBytes > ObjectBytes || at + request.LengthBytes > Data.Length)
        {
            return DataStatus.OutOfRange;
        }
        if (request.IsMutation)
        {
            HighestWindow = Math.Max(HighestWindow, request.Sequence - request.LowestUnfinished + 1);
            if (request.Op == DataOp.Write && !ChecksumsMatch(in request, data!))
            {
                BadChecksums++;
                return DataStatus.BadChecksum;
            }
            if (TrackSequences && !Applied.Add((request.Pg.Value, request.OwnerGeneration, request.Sequence))) { return DataStatus.Ok; }
        }
        int lead = (int)(request.OffsetBytes % 4096);
        Span<byte> target = Data.AsSpan((int)at, (int)request.LengthBytes);
        switch (request.Op)
        {
            case DataOp.Write:
                data!.Span(lead, target.Length).CopyTo(target);
                MarkWritten(at, target.Length);
                return DataStatus.Ok;
            case DataOp.Discard or DataOp.WriteZeroes:
                target.Clear();
                return DataStatus.Ok;
            case DataOp.BlockMap:
                reply.Map = MakeMap(at, request.Blocks);
                return DataStatus.Ok;
            default:
                return Read(in request, at - lead, ref reply, ref payload, ref payloadBytes);
        }
    }

    private DataStatus Open(ulong pg, ulong generation)
    {
        Owner = Math.Max(Owner, generation);
        _ = Sessions.Add((pg, generation));
        return DataStatus.Ok;
    }

    private void MarkWritten(long at, int length)
    {
        for (long block = at / 4096; block <= (at + length - 1) / 4096; block++) { Written[block] = true; }
    }

    private byte[] MakeMap(long at, int blocks)
    {
        byte[] map = new byte[(blocks + 7) / 8];
        for (int i = 0; i < blocks; i++)
        {
            if (Written[at / 4096 + i]) { map[i / 8] |= (byte)(1 << (i % 8)); }
        }
        return map;
    }

    private DataStatus Read(
        in DataRequest request, long from, ref DataReply reply, ref PooledBuffer? payload, ref int payloadBytes)
    {
        int blocks = request.Blocks;
        bool any = false;
        for (int i = 0; i < blocks; i++) { any |= Written[from / 4096 + i]; }
        if (!any)
        {
            reply.Flags = DataReplyFlags.Zeroes;
            return DataStatus.Ok;
        }
        payloadBytes = blocks * 4096;
        payload = Buffers.TryRent(payloadBytes)!;
        Span<byte> bytes = payload.Span(0, payloadBytes);
        bytes.Clear();
        Data.AsSpan((int)from, (int)Math.Min(payloadBytes, Data.Length - from)).CopyTo(bytes);
        for (int i = 0; i < blocks; i++) { _crcs[i] = Crc32C.Compute(bytes.Slice(i * 4096, 4096)); }
        reply.BlockCrcs = _crcs.AsSpan(0, blocks);
        if (DamageNextRead)
        {
            DamageNextRead = false;
            bytes[0] ^= 1;
        }
        return DataStatus.Ok;
    }

    /// <summary>As a leader does it: per touched block, over the bytes of the fragment only. Margins must be zero.</summary>
    private static bool ChecksumsMatch(in DataRequest request, PooledBuffer data)
    {
        int start = (int)(request.OffsetBytes % 4096), end = start + (int)request.LengthBytes;
        if (data.Span(0, start).IndexOfAnyExcept((byte)0) >= 0) { throw new InvalidOperationException("margin not zero"); }
        if (data.Span(end, request.Blocks * 4096 - end).IndexOfAnyExcept((byte)0) >= 0)
        {
            throw new InvalidOperationException("margin not zero");
        }
        for (int i = 0; i < request.Blocks; i++)
        {
            int from = Math.Max(start, i * 4096), to = Math.Min(end, (i + 1) * 4096);
            if (Crc32C.Compute(data.Span(from, to - from)) != request.BlockCrcs[i]) { return false; }
        }
        return true;
    }

    // ---- IImageAuthority ----

    public void AddListener(IRouteListener listener) => _listeners.Add(listener);

    public void RemoveListener(IRouteListener listener) => _listeners.Remove(listener);

    public async ReactorTask<Errno> WaitForMapAsync(long deadlineNanos)
    {
        await ReactorTask.Completed;
        return Errno.None;
    }

    public async ReactorTask<OwnershipGrant> AcquireAsync(ImageId image, string description, bool takeOver, long deadlineNanos)
    {
        await ReactorTask.Completed;
        if (IsOwnerAlive && !takeOver) { return new OwnershipGrant(Errno.Busy, 0, 0, "owned by somebody"); }
        IsOwnerAlive = true;
        return new OwnershipGrant(Errno.None, ++LastGeneration, 10 * Units.NanosPerSecond, "");
    }

    public ulong LastGeneration { get; set; }
    public Errno RenewAnswer { get; set; }
    public int Renewals { get; private set; }
    public int Releases { get; private set; }

    public async ReactorTask<Errno> RenewAsync(ImageId image, ulong generation, long deadlineNanos)
    {
        await ReactorTask.Completed;
        Renewals++;
        return RenewAnswer;
    }

    public async ReactorTask<OwnershipGrant> AnnounceReaderAsync(ImageId image, string description, bool isOpen, long deadlineNanos)
    {
        await ReactorTask.Completed;
        Readers += isOpen ? 1 : -1;
        return new OwnershipGrant(Errno.None, 0, 10 * Units.NanosPerSecond, "");
    }

    /// <summary>Announcements less those of a close.</summary>
    public int Readers { get; private set; }

    public async ReactorTask<Errno> ReleaseAsync(ImageId image, ulong generation, long deadlineNanos)
    {
        await ReactorTask.Completed;
        Releases++;
        IsOwnerAlive = false;
        return Errno.None;
    }
}
