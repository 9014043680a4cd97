using System;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Bench;

/// <summary>`bench rw` on the cluster: opens the image in this process, over TCP, with the client that the front ends use.</summary>
internal static class RwBench
{
    /// <summary>Blocks whose versions are remembered: 4 bytes each.</summary>
    private const long BlocksMax = 1L << 28;

    public static async ReactorTask<BenchResult> RunAsync(ClusterSession session, ImageSpec spec, RwOptions options, bool showProgress)
    {
        MonImageAuthority authority = new(session.Reactor, session.Mon, session.Instance);
        ImageClient image = new(session.Reactor, session.Transport, authority, new ImageClientOptions { Instance = session.Instance }, session.Reactor.Prng);
        string who = $"bench on {Environment.MachineName}, pid {Environment.ProcessId}";
        ImageOpenMode mode = options.Writes || options.Fill ? ImageOpenMode.Write : ImageOpenMode.ReadOnly;
        ImageOpenResult opened = await image.OpenAsync(spec.Pool, spec.Image, mode, who, session.LeftNanos);
        if (!opened.IsOk) { throw new OperatorException(OperatorException.CodeOf(opened.Status), $"image '{spec}' cannot be opened: {opened.Text}"); }
        try
        {
            return await MeasureAsync(session.Reactor, image, spec, options, showProgress);
        }
        finally
        {
            await image.CloseAsync();
        }
    }

    private static async ReactorTask<BenchResult> MeasureAsync(Reactor reactor, ImageClient image, ImageSpec spec, RwOptions options, bool showProgress)
    {
        long range = options.RangeBytes > 0 ? options.RangeBytes : image.SizeBytes;
        long blocks = Math.Min(range, image.SizeBytes) / options.BlockBytes;
        if (range > image.SizeBytes || blocks <= options.QueueDepth * 2L || blocks > BlocksMax)
        {
            throw new OperatorException(ExitCode.Usage, $"image '{spec}' has {SizeText.Format(image.SizeBytes)}: the range must fit into it and hold "
                + $"more than twice as many blocks as I/Os in flight, and at most {BlocksMax} blocks");
        }
        RwEngine engine = new(reactor, image, options);
        Progress progress = new(reactor, engine, showProgress);
        if (options.Fill)
        {
            progress.Begin("filling");
            await engine.FillAsync();
        }
        progress.Begin("running");
        CpuMeter cpu = CpuMeter.Start(options.CpuOf);
        long started = reactor.Clock.NowNanos;
        await engine.RunAsync();
        long nanos = reactor.Clock.NowNanos - started;
        (long cpuNanos, int processes) = cpu.Stop();
        if (options.Verify)
        {
            progress.Begin("verifying");
            await engine.CheckAsync();
        }
        progress.End();
        if (engine.Failure is string failure) { throw new OperatorException(ExitCode.Failed, $"bench on '{spec}': {failure}"); }
        return new BenchResult
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"{ConfigKey.Lower(options.Mode)} {SizeText.FormatExact(options.BlockBytes)} QD{options.QueueDepth}"),
            Operations = engine.Operations,
            Bytes = engine.Operations * options.BlockBytes,
            Nanos = nanos,
            Latency = engine.Latency,
            CpuNanos = cpuNanos,
            CpuProcesses = processes,
            VerifiedBlocks = options.Verify ? engine.Verified : null,
        };
    }

    /// <summary>A line on stderr every second: over itself on a terminal, one below the other elsewhere.</summary>
    private sealed class Progress(Reactor reactor, RwEngine engine, bool isShown) : TimerEntry
    {
        private readonly bool _isTerminal = !Console.IsErrorRedirected;
        private string _phase = "";
        private long _operationsBefore;

        public void Begin(string phase)
        {
            _phase = phase;
            _operationsBefore = engine.Operations;
            if (isShown) { reactor.Arm(this, reactor.NowNanos + Units.NanosPerSecond); }
        }

        public void End()
        {
            reactor.Disarm(this);
            if (isShown && _isTerminal) { Console.Error.Write("\r\u001b[K"); }
        }

        public override void OnTimer(long nowNanos)
        {
            long operations = engine.Operations - _operationsBefore;
            _operationsBefore = engine.Operations;
            string line = string.Create(CultureInfo.InvariantCulture, $"{_phase}: {operations} IOPS, {engine.Operations} operations, "
                + $"{engine.Verified} blocks verified, p99 {engine.Latency.Percentile(0.99) / 1000} us");
            if (_isTerminal) { Console.Error.Write("\r\u001b[K" + line); }
            else { Console.Error.WriteLine(line); }
            reactor.Arm(this, nowNanos + Units.NanosPerSecond);
        }
    }
}
