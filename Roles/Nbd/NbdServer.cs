using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport.Tcp;

namespace Fastblock.Roles.Nbd;

/// <summary>Serves one open image to any number of NBD clients on one reactor; all of them share the image's one session, so
/// what one writes another reads. It listens before the image is open, so that a port in use is found out before another
/// owner is fenced; clients that come meanwhile wait.</summary>
internal sealed class NbdServer : INbdServer, IIterationHook, IStreamListener, IDisposable
{
    private readonly TcpStreams _streams;
    private readonly List<TcpListener> _listeners = [];
    private readonly List<NbdConnection> _connections = [];
    private readonly List<int> _early = [];
    private readonly ReactorSignal<bool> _quiet = new();
    private readonly ReactorSignal<bool> _drained = new();
    private NbdExport? _export;
    private bool _isStopping;

    public NbdServer(Reactor reactor)
    {
        Reactor = reactor;
        // Bounded by the budget and the connection's own limits; a limit here could cut an answer in two.
        _streams = new TcpStreams(reactor, new TcpStreamOptions { MaxQueuedBytes = int.MaxValue });
        Zeros = reactor.Buffers.TryRent(NbdLimits.ZeroBytes) ?? throw new Config.OperatorException(Config.ExitCode.Failed, "no buffer is free");
        Zeros.Span(0, Zeros.Capacity).Clear();
        reactor.AddIterationHook(this);
    }

    public Reactor Reactor { get; }
    public NbdExport Export => _export!;
    public NbdBudget Budget { get; } = new(NbdLimits.BudgetBytes);
    public NbdStats Stats { get; } = new();
    public PooledBuffer Zeros { get; }
    public int Connections => _connections.Count;

    /// <summary>Frees the streams' memory; after the reactor has ended.</summary>
    public void Dispose() => _streams.Dispose();

    /// <summary>Begins to listen.</summary>
    /// <returns>None, or why not.</returns>
    public Errno Listen(StreamAddress address, out StreamAddress bound)
    {
        bound = address;
        Errno error = _streams.Listen(address, this, out TcpListener? listener);
        if (error != Errno.None) { return error; }
        _listeners.Add(listener!);
        bound = listener!.Bound;
        return Errno.None;
    }

    /// <summary>The image is open: serves it, also to those who came before.</summary>
    public void Open(NbdExport export)
    {
        _export = export;
        foreach (int fd in _early) { Adopt(fd); }
        _early.Clear();
    }

    /// <summary>Stops to listen, takes no more commands, waits for the I/Os under way. After it the image is at rest and may be
    /// closed; the clients need not have gone. Once; <see cref="EndAsync"/> follows.</summary>
    public async ReactorTask QuiesceAsync()
    {
        Invariant.Require(!_isStopping);
        _isStopping = true;
        foreach (TcpListener listener in _listeners) { listener.Close(); }
        foreach (int fd in _early) { _ = Libc.close(fd); }
        _early.Clear();
        foreach (NbdConnection connection in _connections.ToArray()) { connection.Stop(); }
        if (!IsQuiet) { _ = await _quiet; }
    }

    /// <summary>Waits until the clients have gone, or have been sent away: for a bounded time.</summary>
    public async ReactorTask EndAsync()
    {
        if (_connections.Count > 0) { _ = await _drained; }
        // A cancelled accept ends in the next iterations, and with it a unix socket's path.
        await Reactor.Delay(Units.NanosPerMilli);
        Reactor.RemoveIterationHook(this);
        Zeros.Release();
    }

    public void OnIterationEnd()
    {
        for (int i = _connections.Count - 1; i >= 0; i--) { _connections[i].OnIterationEnd(); }
        if (_isStopping && !_quiet.IsSet && IsQuiet) { _quiet.Set(true); }
    }

    private bool IsQuiet
    {
        get
        {
            foreach (NbdConnection connection in _connections)
            {
                if (!connection.IsQuiet) { return false; }
            }
            return true;
        }
    }

    void IStreamListener.OnAccepted(int fd)
    {
        if (_isStopping || _connections.Count + _early.Count >= NbdLimits.MaxConnections) { _ = Libc.close(fd); }
        else if (_export is null) { _early.Add(fd); }
        else { Adopt(fd); }
    }

    void INbdServer.OnConnectionEnded(NbdConnection connection)
    {
        NbdConnection last = _connections[^1];
        _connections[connection.Index] = last;
        last.Index = connection.Index;
        _connections.RemoveAt(_connections.Count - 1);
        if (_isStopping && _connections.Count == 0 && !_drained.IsSet) { _drained.Set(true); }
    }

    private void Adopt(int fd)
    {
        NbdConnection connection = new(this) { Index = _connections.Count };
        _connections.Add(connection);
        NbdStream stream = new(connection);
        stream.Attach(_streams.Adopt(fd, stream));
        connection.Start(stream);
    }
}
