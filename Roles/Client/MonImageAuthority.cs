using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>The monitors as an <see cref="ImageClient"/> sees them, over a <see cref="MonClient"/> that is started and
/// stopped by its owner.</summary>
internal sealed class MonImageAuthority : IImageAuthority, IMapListener
{
    private readonly Reactor _reactor;
    private readonly MonClient _mons;
    private readonly Guid _instance;
    private readonly List<IRouteListener> _listeners = [];

    /// <param name="instance">Uuid of this client process: the same that the MonClient and the ImageClient carry.</param>
    public MonImageAuthority(Reactor reactor, MonClient mons, Guid instance)
    {
        _reactor = reactor;
        _mons = mons;
        _instance = instance;
        mons.AddListener(this);
    }

    public ClusterMap Map => _mons.Map;

    /// <summary>An image is taken over from this owner only; Guid.Empty = from whoever owns it.</summary>
    public Guid OnlyFrom { get; init; }

    public void AddListener(IRouteListener listener) => _listeners.Add(listener);

    public void RemoveListener(IRouteListener listener) => _listeners.Remove(listener);

    public async ReactorTask<Errno> WaitForMapAsync(long deadlineNanos)
    {
        ControlStatus status = await _mons.CatchUpAsync(deadlineNanos - _reactor.NowNanos);
        return status == ControlStatus.StatusOk ? Errno.None
            : status == ControlStatus.StatusPermission ? Errno.NotPermitted
            : _mons.IsConnected ? Errno.TimedOut : Errno.NotConnected;
    }

    public async ReactorTask<OwnershipGrant> AcquireAsync(ImageId image, string description, bool takeOver, long deadlineNanos)
    {
        ControlReply reply = await _mons.RequestAsync(new ControlRequest
        {
            ImageAcquire = new ImageAcquireRequest
            {
                Image = image.Value,
                Instance = UuidBytes.ToBytes(_instance),
                Description = description,
                TakeOver = takeOver,
                FromInstance = UuidBytes.ToBytes(OnlyFrom),
            },
        }, deadlineNanos - _reactor.NowNanos);
        Errno status = reply.Status == ControlStatus.StatusWrongState ? Errno.Busy : StatusOf(reply.Status);
        if (status == Errno.None && reply.ImageAcquireResult is not { Generation: > 0 }) { status = Errno.Protocol; }
        // Our monitor may lag behind the leader: wait for the map in which we own the image, with the size it has now.
        if (status == Errno.None)
        {
            _ = await _mons.WaitForEpochAsync(new Epoch(reply.Revision), deadlineNanos - _reactor.NowNanos);
        }
        return status == Errno.None
            ? new OwnershipGrant(status, reply.ImageAcquireResult.Generation, reply.ImageAcquireResult.TtlMs * Units.NanosPerMilli, "")
            : new OwnershipGrant(status, 0, 0, reply.Text);
    }

    public async ReactorTask<Errno> RenewAsync(ImageId image, ulong generation, long deadlineNanos)
    {
        ControlReply reply = await _mons.RequestAsync(new ControlRequest
        {
            ImageRenew = new ImageRenewRequest
            {
                Image = image.Value,
                Instance = UuidBytes.ToBytes(_instance),
                Generation = generation,
            },
        }, deadlineNanos - _reactor.NowNanos);
        // Said by a monitor of ours, it means that somebody else owns the image; monitors that do not talk to us say nothing.
        return reply.Status == ControlStatus.StatusPermission && !_mons.IsRefused ? Errno.Stale : StatusOf(reply.Status);
    }

    public async ReactorTask<OwnershipGrant> AnnounceReaderAsync(ImageId image, string description, bool isOpen, long deadlineNanos)
    {
        ControlReply reply = await _mons.RequestAsync(new ControlRequest
        {
            ImageRenew = new ImageRenewRequest
            {
                Image = image.Value,
                Instance = UuidBytes.ToBytes(_instance),
                Description = description,
                Closed = !isOpen,
            },
        }, deadlineNanos - _reactor.NowNanos);
        long ttlNanos = (reply.ImageAcquireResult?.TtlMs ?? 0) * Units.NanosPerMilli;
        return new OwnershipGrant(StatusOf(reply.Status), 0, ttlNanos, reply.Text);
    }

    public async ReactorTask<Errno> ReleaseAsync(ImageId image, ulong generation, long deadlineNanos)
    {
        ControlReply reply = await _mons.RequestAsync(new ControlRequest
        {
            ImageRelease = new ImageReleaseRequest
            {
                Image = image.Value,
                Instance = UuidBytes.ToBytes(_instance),
                Generation = generation,
            },
        }, deadlineNanos - _reactor.NowNanos);
        return StatusOf(reply.Status);
    }

    void IMapListener.OnMapChanged(ClusterMap map, MapDelta delta)
    {
        // A listener may take itself out, or add another, while it is told.
        for (int i = _listeners.Count - 1; i >= 0; i--)
        {
            if (i < _listeners.Count) { _listeners[i].OnRoutesChanged(); }
        }
    }

    private static Errno StatusOf(ControlStatus status) => status switch
    {
        ControlStatus.StatusOk => Errno.None,
        ControlStatus.StatusInvalid => Errno.Invalid,
        ControlStatus.StatusNotFound => Errno.NotFound,
        ControlStatus.StatusExists => Errno.Exists,
        ControlStatus.StatusWrongState => Errno.Busy,
        ControlStatus.StatusTimeout => Errno.TimedOut,
        ControlStatus.StatusNoConnection => Errno.NotConnected,
        ControlStatus.StatusPermission => Errno.NotPermitted,
        _ => Errno.Io,
    };
}
