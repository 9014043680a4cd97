using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>An open image: cuts I/O at object borders, sends each part to the leader of its PG on the connection of its
/// shard, repeats until there is an answer, puts the parts together. No order between I/Os: who needs one waits for the
/// first before submitting the second.
/// <para>One per reactor and image. A client on several cores needs one session, and so one sequence window per PG, shared by
/// all of them: then the PGs are divided over the cores by number, each core runs an ImageClient for its PGs only, and the
/// front end hands parts over by mailbox. Nothing of this file's state is shared between PGs but the request table.</para></summary>
internal sealed partial class ImageClient : IImage, IRunnable, IRouteListener
{
    private readonly IImageAuthority _authority;
    private readonly List<OsdLink> _links = [];
    private readonly Dictionary<(uint Osd, int Shard), OsdLink> _linkIndex = []; // looked up, never iterated
    private readonly ObjectOp[] _requests;
    private readonly RingQueue<ObjectOp> _freeRequests;
    private readonly RingQueue<ImageIo> _stalled = new(64);
    private readonly RingQueue<ImageIo> _over = new(64);
    private readonly RingQueue<PgSession> _unsentSessions = new(2);
    private string _faultText = "";
    private PgSession[] _pgs = [];
    private PoolInfo? _pool;
    private RequestScratch? _scratch;
    private Errno _fault;
    private bool _isRunQueued;
    private ulong _sizeGeneration;
    private long _openIos;

    /// <param name="prng">For the spread of pauses.</param>
    public ImageClient(Reactor reactor, ITransport transport, IImageAuthority authority, ImageClientOptions options, Prng prng)
    {
        Reactor = reactor;
        Transport = transport;
        _authority = authority;
        Options = options;
        Prng = prng;
        _requests = new ObjectOp[options.MaxRequests];
        _freeRequests = new RingQueue<ObjectOp>(options.MaxRequests);
        for (int i = 0; i < _requests.Length; i++)
        {
            _requests[i] = new ObjectOp(i);
            _freeRequests.PushBack(_requests[i]);
        }
        _renewTimer = new CallbackTimer(_ => RenewAsync().Forget());
        _deadlineTimer = new CallbackTimer(_ => OnDeadline());
    }

    public string Name { get; private set; } = "";
    public long SizeBytes { get; private set; }
    public bool IsReadOnly { get; private set; } = true;
    public ImageClientStats Stats { get; } = new();

    /// <summary>Told once when the image cannot be used any more.</summary>
    public IImageFaultListener? FaultListener { get; set; }

    /// <summary>I/Os submitted and not handed back.</summary>
    public long Outstanding => _openIos;

    internal Reactor Reactor { get; }
    internal ITransport Transport { get; }
    internal ImageClientOptions Options { get; }
    internal Prng Prng { get; }
    internal ClusterMap Map => _authority.Map;
    internal ImageId ImageId { get; private set; }

    /// <summary>The owner generation, or 0 for a reader.</summary>
    internal ulong Generation { get; private set; }

    internal RequestScratch Scratch => _scratch!;

    public void Submit(ImageIo io)
    {
        _openIos++;
        Errno refused = Check(io);
        if (refused != Errno.None || io.Op == ImageOp.Flush)
        {
            // Flush: what was acknowledged before is durable on a majority, so there is nothing to wait for.
            if (refused != Errno.None) { io.Fail(refused); }
            EndLater(io);
            return;
        }
        Cut(io);
    }

    /// <summary>The connection to one shard of one OSD; made when first asked for.</summary>
    internal OsdLink LinkOf(OsdId osd, int shard)
    {
        if (!_linkIndex.TryGetValue((osd.Value, shard), out OsdLink? link))
        {
            link = new OsdLink(this, osd, shard);
            _linkIndex.Add((osd.Value, shard), link);
            _links.Add(link);
        }
        return link;
    }

    internal void OnLinkUp(OsdLink link)
    {
        foreach (PgSession pg in _pgs) { pg.OnLinkUp(link); }
    }

    internal void OnLinkDown(OsdLink link)
    {
        foreach (PgSession pg in _pgs) { pg.OnLinkDown(link); }
    }

    /// <summary>A frame that should be a reply. Late ones, for requests that have long been answered, are dropped.</summary>
    /// <returns>False: no sound OSD sends that.</returns>
    internal bool TryHandleReply(OsdLink link, in Frame frame)
    {
        if (!DataReply.TryRead(frame.Body, frame.PayloadBytes, out DataReply reply)) { return false; }
        int slot = ObjectOp.SlotOf(reply.Tag);
        if (slot >= _requests.Length) { return false; }
        ObjectOp op = _requests[slot];
        if (op.State == ObjectOpState.Free || op.Generation != ObjectOp.GenerationOf(reply.Tag)) { return true; }
        if (reply.Pg != op.Pg.Id) { return false; }
        bool isNewest = op.State == ObjectOpState.Sent && op.Link == link && op.Attempt == ObjectOp.AttemptOf(reply.Tag);
        op.Pg.OnReply(op, isNewest, in reply, in frame);
        return true;
    }

    /// <summary>One part is over, for good.</summary>
    internal void OnFinished(ObjectOp op, Errno status)
    {
        ImageIo? io = op.Io;
        PgSession pg = op.Pg;
        DataOp kind = op.Op;
        if (status == Errno.None) { Account(op); }
        Free(op);
        if (io is null)
        {
            OnSessionRequestDone(pg, kind, status);
            return;
        }
        io.Progress.PartsInFlight--;
        if (status != Errno.None) { io.Fail(status); }
        // The request just freed goes to those that wait longest.
        while (!_freeRequests.IsEmpty && _stalled.TryPopFront(out ImageIo? waiting))
        {
            waiting.Progress.IsStalled = false;
            Cut(waiting);
        }
        if (!io.Progress.IsStalled) { Cut(io); }
    }

    /// <summary>Ends all I/O, now and later, with <paramref name="status"/>.</summary>
    internal void Fence(Errno status, string text)
    {
        if (_fault != Errno.None) { return; }
        _fault = status;
        foreach (PgSession pg in _pgs) { pg.FailAll(status); }
        while (_stalled.TryPopFront(out ImageIo? io))
        {
            io.Progress.IsStalled = false;
            io.Fail(status);
            Cut(io);
        }
        OnFenced(status, text);
    }

    void IRouteListener.OnRoutesChanged()
    {
        if (_pool is null || _fault != Errno.None) { return; }
        if (!Map.TryGetImage(ImageId, out ImageInfo? image) || image.State == ImageState.Purging)
        {
            Fence(Errno.NotFound, "the image was removed");
            return;
        }
        if (Generation != 0 && image.OwnerGeneration > Generation)
        {
            Fence(Errno.Stale, $"another client owns the image now: {image.OwnerDescription}");
            return;
        }
        TakeSize(image);
        foreach (OsdLink link in _links) { link.OnMapChanged(); }
        foreach (PgSession pg in _pgs) { pg.OnRoutesChanged(); }
    }

    /// <summary>Our monitor may be behind the one that we had before: of one generation the larger size is the newer one.</summary>
    private void TakeSize(ImageInfo image)
    {
        if (image.SizeGeneration < _sizeGeneration) { return; }
        SizeBytes = image.SizeGeneration > _sizeGeneration ? image.SizeBytes : Math.Max(SizeBytes, image.SizeBytes);
        _sizeGeneration = image.SizeGeneration;
    }

    /// <summary>Hands back the I/Os that were over before their Submit returned.</summary>
    void IRunnable.Run()
    {
        _isRunQueued = false;
        for (int i = _over.Count; i > 0; i--) { End(_over.PopFront()); }
    }

    private Errno Check(ImageIo io)
    {
        if (_fault != Errno.None) { return _fault; }
        if (_pool is null || _isClosing) { return Errno.ShutDown; }
        if (io.Op == ImageOp.Flush) { return Errno.None; }
        if (io.OffsetBytes < 0 || io.LengthBytes <= 0 || io.OffsetBytes > SizeBytes || io.LengthBytes > SizeBytes - io.OffsetBytes
            || (io.OffsetBytes | io.LengthBytes) % Units.SectorBytes != 0)
        {
            return Errno.Invalid;
        }
        switch (io.Op)
        {
            case ImageOp.Read:
                return io.LengthBytes <= ImageIo.MaxDataBytes ? Errno.None : Errno.Invalid;
            case ImageOp.Write:
                long given = 0;
                foreach (ref readonly PayloadPart part in io.Data) { given += part.Length; }
                if (given != io.LengthBytes || given > ImageIo.MaxDataBytes) { return Errno.Invalid; }
                return IsReadOnly ? Errno.ReadOnly : Errno.None;
            case ImageOp.Discard or ImageOp.WriteZeroes:
                return IsReadOnly ? Errno.ReadOnly : Errno.None;
            case ImageOp.BlockMap:
                return io.OffsetBytes % Units.BlockBytes == 0 && io.LengthBytes <= ImageIo.MaxMapRangeBytes
                    ? Errno.None : Errno.Invalid;
            default:
                return Errno.Invalid;
        }
    }

    /// <summary>Makes parts of the I/O as far as its share and the table allow; ends it when there is nothing left of it.</summary>
    private void Cut(ImageIo io)
    {
        ref ImageIoProgress progress = ref io.Progress;
        if (progress.IsCutting) { return; } // a part ended while it was being submitted: the loop below goes on
        progress.IsCutting = true;
        while (io.Status == Errno.None && progress.CutBytes < io.LengthBytes && progress.PartsInFlight < Options.MaxRequestsPerIo)
        {
            if (_fault != Errno.None)
            {
                io.Fail(_fault);
                break;
            }
            if (!_freeRequests.TryPopFront(out ObjectOp? op))
            {
                progress.IsStalled = true;
                _stalled.PushBack(io);
                break;
            }
            PgSession pg = FillNextPart(op, io, ref progress);
            pg.Submit(op);
        }
        progress.IsCutting = false;
        bool isCut = progress.CutBytes == io.LengthBytes || io.Status != Errno.None;
        if (isCut && progress.PartsInFlight == 0 && !progress.IsStalled) { End(io); }
    }

    private PgSession FillNextPart(ObjectOp op, ImageIo io, ref ImageIoProgress progress)
    {
        long at = io.OffsetBytes + progress.CutBytes;
        int objectBytes = _pool!.ObjectBytes;
        uint index = (uint)(at / objectBytes);
        int within = (int)(at % objectBytes);
        long end = objectBytes;
        if (io.Op is ImageOp.Read or ImageOp.Write)
        {
            // Cuts lie at multiples of the largest payload, so that a part never touches more blocks than fit into one.
            end = Math.Min(end, (within / NetLimits.MaxPayloadBytes + 1L) * NetLimits.MaxPayloadBytes);
        }
        op.Io = io;
        op.Op = io.Op switch
        {
            ImageOp.Read => DataOp.Read,
            ImageOp.Write => DataOp.Write,
            ImageOp.Discard => DataOp.Discard,
            ImageOp.WriteZeroes => DataOp.WriteZeroes,
            _ => DataOp.BlockMap,
        };
        op.Flags = io.Op == ImageOp.WriteZeroes && io.NoHole ? DataFlags.NoHole : DataFlags.None;
        op.ObjectIndex = index;
        op.OffsetBytes = (uint)within;
        op.LengthBytes = (int)Math.Min(end - within, io.LengthBytes - progress.CutBytes);
        op.IoOffsetBytes = progress.CutBytes;
        op.PieceIndex = progress.PartsMade;
        op.Pg = _pgs[Placement.PgNumber(new ObjectId(ImageId, index), _pool.PgCount)];
        progress.CutBytes += op.LengthBytes;
        progress.PartsMade++;
        progress.PartsInFlight++;
        return op.Pg;
    }

    private void Account(ObjectOp op)
    {
        if (op.Op == DataOp.Read) { Stats.ReadBytes += op.LengthBytes; }
        if (op.Op == DataOp.Write) { Stats.WrittenBytes += op.LengthBytes; }
    }

    private void Free(ObjectOp op)
    {
        op.Bounce?.Release();
        op.Bounce = null;
        op.WantsBounce = false;
        op.State = ObjectOpState.Free;
        op.Generation = unchecked(op.Generation + 1);
        op.Attempt = 0;
        op.Sequence = 0;
        op.Flags = DataFlags.None;
        op.Io = null;
        op.Link = null;
        _freeRequests.PushBack(op);
    }

    private void EndLater(ImageIo io)
    {
        _over.PushBack(io);
        if (_isRunQueued) { return; }
        _isRunQueued = true;
        Reactor.Enqueue(this);
    }

    private void End(ImageIo io)
    {
        _openIos--;
        io.Complete();
        if (_openIos == 0 && _isClosing && !_drained.IsSet) { _drained.Set(true); }
    }
}
