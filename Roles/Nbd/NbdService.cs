using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;
using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Nbd;

/// <summary>One run of `fastblock nbd`: listen, open the image, serve until a signal or until another client takes the image
/// over, end in good order.</summary>
internal sealed class NbdService : IImageFaultListener, IRunnable
{
    /// <summary>For I/O that is under way when the end is asked for, and for giving the image back.</summary>
    private const long StopNanos = 5 * Units.NanosPerSecond;

    /// <summary>A cancelled open may give back what it has got; nobody waits longer for that.</summary>
    private const long CancelNanos = 500 * Units.NanosPerMilli;

    private readonly ClusterSession _session;
    private readonly NbdServeOptions _options;
    private readonly ReactorSignal<Errno> _ended = new();
    private readonly ReactorSignal<ImageOpenResult> _opened = new();
    private ImageClient? _image;
    private string _why = "";

    private NbdService(ClusterSession session, NbdServeOptions options)
    {
        _session = session;
        _options = options;
    }

    public static ReactorTask<ExitCode> RunAsync(ClusterSession session, NbdServeOptions options) =>
        new NbdService(session, options).RunAsync();

    void IImageFaultListener.OnImageFault(Errno status, string text)
    {
        _why = text;
        End(status);
    }

    /// <summary>A signal, come to the reactor.</summary>
    void IRunnable.Run() => End(Errno.None);

    private async ReactorTask<ExitCode> RunAsync()
    {
        Reactor reactor = _session.Reactor;
        Log log = new("nbd", reactor.Clock, new StderrLogOutput(), _session.Config.Log.Level);
        NbdServer server = new(reactor);
        MonImageAuthority authority = new(reactor, _session.Mon, _session.Instance);
        ImageClient image = new(reactor, _session.Transport, authority, new ImageClientOptions { Instance = _session.Instance },
            reactor.Prng.Fork());
        using MetricsRegistry metrics = NbdMetrics.Register(server, image);
        using MetricsServer? endpoint = MetricsEndpoint.TryServe(_options.MetricsAddress, metrics, Health);
        using EndSignals signals = new(OnSignal);
        StreamAddress[] bound = await ListenAsync(server);
        _image = image;
        OpenAsync(image).Start();
        ImageOpenResult opened = await _opened;
        if (_ended.IsSet)
        {
            log.Info("stopping before the image was open");
            if (await WithinAsync(StopAsync(server, opened.IsOk ? image : null))) { await server.EndAsync(); }
            return ExitCode.Ok;
        }
        if (!opened.IsOk)
        {
            await StopAsync(server, image: null);
            await server.EndAsync();
            throw new OperatorException(OperatorException.CodeOf(opened.Status), $"image '{_options.Image}' cannot be opened: {opened.Text}");
        }
        image.FaultListener = this;
        server.Open(new NbdExport(_options.ExportName, image, _options.ReadOnly));
        foreach (StreamAddress address in bound)
        {
            log.Info($"export '{_options.ExportName}' of image {_options.Image}, {SizeText.Format(image.SizeBytes)}"
                + $"{(_options.ReadOnly ? ", read-only" : "")}, at {address}");
        }
        if (endpoint is not null) { log.Info($"metrics at {endpoint.Url}"); }
        Errno outcome = await _ended;
        if (outcome == Errno.None) { log.Info("stopping"); }
        bool inTime = await WithinAsync(StopAsync(server, image));
        if (inTime) { await server.EndAsync(); } // the image is free already: no client keeps it from its next owner
        if (outcome == Errno.None)
        {
            return inTime ? ExitCode.Ok : throw new OperatorException(ExitCode.Timeout, $"the cluster did not answer within "
                + $"{StopNanos / Units.NanosPerSecond} s: {image.Outstanding} I/Os of image '{_options.Image}' were given up, done or not");
        }
        throw new OperatorException(OperatorException.CodeOf(outcome),
            $"the export of image '{_options.Image}' has ended: {_why}. Every unanswered write may or may not have been done; nothing of it is done later");
    }

    private async ReactorTask OpenAsync(ImageClient image)
    {
        ImageOpenResult result = await image.OpenAsync(_options.Image.Pool, _options.Image.Image, Mode,
            $"nbd on {Environment.MachineName}, pid {Environment.ProcessId}", _session.LeftNanos);
        if (!_opened.IsSet) { _opened.Set(result); }
    }

    private static async ReactorTask StopAsync(NbdServer server, ImageClient? image)
    {
        await server.QuiesceAsync();
        if (image is not null) { await image.CloseAsync(); }
    }

    /// <summary>Waits for an orderly end, for a while.</summary>
    /// <returns>Whether it came.</returns>
    private async ReactorTask<bool> WithinAsync(ReactorTask work)
    {
        ReactorSignal<bool> done = new();
        CallbackTimer late = new(_ => done.Set(false));
        _session.Reactor.Arm(late, _session.Reactor.NowNanos + StopNanos);
        FinishAsync().Start();
        bool inTime = await done;
        _session.Reactor.Disarm(late);
        return inTime;

        async ReactorTask FinishAsync()
        {
            await work;
            if (!done.IsSet) { done.Set(true); }
        }
    }

    private ImageOpenMode Mode => _options.ReadOnly ? ImageOpenMode.ReadOnly
        : _options.TakeOver ? ImageOpenMode.TakeOver : ImageOpenMode.Write;

    private async ReactorTask<StreamAddress[]> ListenAsync(NbdServer server)
    {
        StreamAddress[] bound = new StreamAddress[_options.Listen.Count];
        for (int i = 0; i < bound.Length; i++)
        {
            Errno error = server.Listen(_options.Listen[i], out bound[i]);
            if (error == Errno.None) { continue; }
            await StopAsync(server, image: null);
            await server.EndAsync();
            string text = $"cannot listen on {_options.Listen[i]}";
            throw error == Errno.NotFound ? new OperatorException(ExitCode.NotFound, $"{text}: that folder does not exist")
                : OperatorException.FromErrno(error, text);
        }
        return bound;
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (_ended.IsSet) { return; } // the second one ends the process at once
        context.Cancel = true;
        _session.Reactor.Post(this);
    }

    private void End(Errno status)
    {
        if (_ended.IsSet) { return; }
        bool wasOpening = !_opened.IsSet;
        _ended.Set(status);
        if (!wasOpening) { return; }
        _session.Reactor.Arm(new CallbackTimer(_ =>
        {
            if (!_opened.IsSet) { _opened.Set(new ImageOpenResult(Errno.Canceled, "stopped")); }
        }), _session.Reactor.NowNanos + CancelNanos);
        _image?.CancelOpen();
    }

    /// <summary>For /health.</summary>
    public (bool IsHealthy, string Text) Health() =>
        _ended.IsSet ? (false, "ending") : (true, $"serving {_options.Image}");
}
