using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>Opening and closing. A writer first gets an owner generation from the monitors, then makes it known in every PG
/// of the pool: when the open ends, no PG accepts anything of an earlier owner any more, so what this client reads from
/// then on can only be changed by itself.</summary>
internal sealed partial class ImageClient
{
    private readonly ReactorSignal<Errno> _opened = new();
    private readonly ReactorSignal<bool> _drained = new();
    private readonly CallbackTimer _renewTimer;
    private readonly CallbackTimer _deadlineTimer;
    private int _sessionsPending;
    private string _description = "";

    /// <summary>A reader begins with a guess.</summary>
    private long _ttlNanos = 3 * Units.NanosPerSecond;
    private bool _isRenewing;
    private bool _isClosing;

    /// <summary>Opens an image; once per client. When it fails, nothing is left behind and the client is of no use.</summary>
    /// <param name="description">Who we are, for whoever is refused because of us.</param>
    public async ReactorTask<ImageOpenResult> OpenAsync(
        string pool, string image, ImageOpenMode mode, string description, long timeoutNanos)
    {
        Invariant.Require(_pool is null);
        Name = $"{pool}/{image}";
        long deadline = Reactor.NowNanos + timeoutNanos;
        Errno ready = await _authority.WaitForMapAsync(deadline);
        if (ready == Errno.NotPermitted) { return new ImageOpenResult(ready, "the monitors refuse to talk to us (another version?)"); }
        if (ready != Errno.None) { return new ImageOpenResult(ready, "no monitor answered in time: is the cluster running?"); }
        if (!Map.TryGetPool(pool, out PoolInfo? poolInfo))
        {
            return new ImageOpenResult(Errno.NotFound, $"there is no pool '{pool}'");
        }
        if (!Map.TryGetImage(poolInfo.Id, image, out ImageInfo? info))
        {
            return new ImageOpenResult(Errno.NotFound, $"there is no image '{image}' in pool '{pool}'");
        }
        PooledBuffer? zeros = Reactor.Buffers.TryRent(Units.BlockBytes);
        if (zeros is null) { return new ImageOpenResult(Errno.NoBuffers, "no buffer is free"); }
        _scratch = new RequestScratch(zeros);
        ImageId = info.Id;
        TakeSize(info);
        IsReadOnly = mode == ImageOpenMode.ReadOnly;
        _description = description;
        if (IsReadOnly) { Reactor.Arm(_renewTimer, Reactor.NowNanos); }
        if (!IsReadOnly)
        {
            OwnershipGrant grant = await _authority.AcquireAsync(info.Id, description, mode == ImageOpenMode.TakeOver, deadline);
            if (grant.Status != Errno.None)
            {
                zeros.Release();
                return new ImageOpenResult(grant.Status, grant.Text);
            }
            Generation = grant.Generation;
            _ttlNanos = grant.TtlNanos;
            ArmRenewal();
            // A resize may have come between our first look and the acquisition.
            if (Map.TryGetImage(info.Id, out ImageInfo? now)) { TakeSize(now); }
        }
        return await OpenSessionsAsync(poolInfo, deadline);
    }

    /// <summary>Ends an open that is waiting for OSDs: it fails, and gives back what it has.</summary>
    public void CancelOpen()
    {
        if (_pool is not null && !_isClosing && !_opened.IsSet) { _opened.Set(Errno.Canceled); }
    }

    /// <summary>Lets everything under way end, closes the sessions and gives the ownership back, each within a time limit;
    /// then drops the connections. Later I/O ends with ShutDown.</summary>
    public async ReactorTask CloseAsync()
    {
        if (_pool is null || _isClosing) { return; }
        _isClosing = true;
        Reactor.Arm(_deadlineTimer, Reactor.NowNanos + Options.CloseTimeoutNanos);
        if (_openIos > 0) { _ = await _drained; }
        if (Generation != 0 && _fault == Errno.None)
        {
            _opened.Reset();
            Reactor.Arm(_deadlineTimer, Reactor.NowNanos + Options.CloseTimeoutNanos);
            if (SendToAll(DataOp.CloseSession)) { _ = await _opened; }
        }
        Reactor.Disarm(_deadlineTimer);
        Reactor.Disarm(_renewTimer);
        bool release = Generation != 0 && _fault == Errno.None;
        FaultListener = null;
        Fence(Errno.ShutDown, "closed");
        if (release)
        {
            _ = await _authority.ReleaseAsync(ImageId, Generation, Reactor.NowNanos + Options.CloseTimeoutNanos);
        }
        // One that is not heard is forgotten after its time to live: it is not worth waiting for.
        if (IsReadOnly) { _ = await _authority.AnnounceReaderAsync(ImageId, _description, isOpen: false, Reactor.NowNanos + Options.ReaderCloseNanos); }
        TearDown();
    }

    private async ReactorTask<ImageOpenResult> OpenSessionsAsync(PoolInfo pool, long deadline)
    {
        _pool = pool;
        _pgs = new PgSession[pool.PgCount];
        for (int i = 0; i < _pgs.Length; i++)
        {
            _pgs[i] = new PgSession(this, new PgId(pool.Id, (uint)i)) { IsOpen = IsReadOnly };
        }
        _authority.AddListener(this);
        ((IRouteListener)this).OnRoutesChanged(); // the map may have changed while we asked
        Errno outcome = _fault;
        if (!IsReadOnly && outcome == Errno.None && SendToAll(DataOp.OpenSession))
        {
            Reactor.Arm(_deadlineTimer, deadline);
            outcome = await _opened;
            Reactor.Disarm(_deadlineTimer);
        }
        if (outcome == Errno.None) { return new ImageOpenResult(Errno.None, ""); }
        string text = _faultText.Length > 0 ? _faultText
            : $"{_sessionsPending} of {_pgs.Length} PGs of the pool did not answer in time: {NotOpenText()}";
        _isClosing = true;
        Reactor.Disarm(_renewTimer);
        ulong generation = _fault == Errno.None ? Generation : 0;
        Fence(Errno.ShutDown, text);
        if (generation != 0)
        {
            _ = await _authority.ReleaseAsync(ImageId, generation, Reactor.NowNanos + Options.CloseTimeoutNanos);
        }
        TearDown();
        return new ImageOpenResult(outcome, text);
    }

    /// <returns>False when there was nobody to send to, or the client failed on the way.</returns>
    private bool SendToAll(DataOp op)
    {
        _sessionsPending = _pgs.Length;
        foreach (PgSession pg in _pgs)
        {
            // All I/O has ended or not begun, so the table has room for one request per PG unless the pool is huge.
            ObjectOp request = _freeRequests.TryPopFront(out ObjectOp? free) ? free : null!;
            if (request is null)
            {
                _unsentSessions.PushBack(pg);
                continue;
            }
            SubmitSession(pg, request, op);
        }
        return _fault == Errno.None && _sessionsPending > 0;
    }

    private static void SubmitSession(PgSession pg, ObjectOp request, DataOp op)
    {
        request.Op = op;
        request.Pg = pg;
        request.ObjectIndex = 0;
        request.OffsetBytes = 0;
        request.LengthBytes = 0;
        pg.Submit(request);
    }

    private void OnSessionRequestDone(PgSession pg, DataOp op, Errno status)
    {
        if (_fault != Errno.None) { return; }
        if (op == DataOp.OpenSession && status == Errno.None) { pg.IsOpen = true; }
        if (_unsentSessions.TryPopFront(out PgSession? next) && _freeRequests.TryPopFront(out ObjectOp? request))
        {
            SubmitSession(next, request, op);
        }
        if (status != Errno.None)
        {
            Fence(status, $"PG {pg.Id} refused the session");
            return;
        }
        if (--_sessionsPending == 0 && !_opened.IsSet) { _opened.Set(Errno.None); }
    }

    private void OnDeadline()
    {
        if (_isClosing && _openIos > 0)
        {
            foreach (PgSession pg in _pgs) { pg.FailAll(Errno.ShutDown); }
            return;
        }
        if (!_opened.IsSet) { _opened.Set(Errno.TimedOut); }
    }

    private void OnFenced(Errno status, string text)
    {
        _faultText = text;
        Reactor.Disarm(_renewTimer);
        FaultListener?.OnImageFault(status, text);
        if (!_opened.IsSet) { _opened.Set(status); }
    }

    private void ArmRenewal() => Reactor.Arm(_renewTimer, Reactor.NowNanos + Math.Max(_ttlNanos / 3, Units.NanosPerMilli));

    /// <summary>Monitors that cannot be reached end nothing: data I/O does not depend on them.</summary>
    private async ReactorTask RenewAsync()
    {
        if (_isRenewing || _fault != Errno.None) { return; }
        _isRenewing = true;
        if (IsReadOnly)
        {
            OwnershipGrant known = await _authority.AnnounceReaderAsync(ImageId, _description, isOpen: true, Reactor.NowNanos + _ttlNanos);
            _isRenewing = false;
            if (known.TtlNanos > 0) { _ttlNanos = known.TtlNanos; }
            if (_fault == Errno.None && !_isClosing) { ArmRenewal(); }
            return;
        }
        Errno status = await _authority.RenewAsync(ImageId, Generation, Reactor.NowNanos + _ttlNanos);
        _isRenewing = false;
        if (_fault != Errno.None || _isClosing) { return; }
        if (status == Errno.Stale)
        {
            Fence(Errno.Stale, "another client owns the image now");
            return;
        }
        ArmRenewal();
    }

    private void TearDown()
    {
        _authority.RemoveListener(this);
        foreach (PgSession pg in _pgs) { Reactor.Disarm(pg); }
        foreach (OsdLink link in _links) { link.Close(Errno.ShutDown); }
        _scratch!.ZeroBlock.Release();
    }

    /// <summary>Names one PG that is not open, and whom it was waiting for.</summary>
    private string NotOpenText()
    {
        foreach (PgSession pg in _pgs)
        {
            if (!pg.IsOpen) { return pg.Describe(); }
        }
        return "";
    }
}
