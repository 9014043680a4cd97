using System;
using System.CommandLine;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Client;

/// <summary>One command's talk with the cluster: a reactor on the calling thread, a transport, a line to the monitors and a
/// deadline. What the cluster refuses becomes an <see cref="OperatorException"/>, so commands read as plain sequences.</summary>
internal sealed class ClusterSession
{
    private readonly long _deadlineNanos;

    private ClusterSession(FastblockConfig config, bool json, TimeSpan timeout, Reactor reactor, ITransport transport)
    {
        Config = config;
        Json = json;
        Reactor = reactor;
        Transport = transport;
        _deadlineNanos = reactor.NowNanos + (long)(timeout.TotalSeconds * Units.NanosPerSecond);
        Mon = new MonClient(reactor, transport, new MonClientOptions
        {
            Mons = CommonOptions.MonsOf(config),
            Instance = Instance,
        }, reactor.Prng);
    }

    public FastblockConfig Config { get; }
    public bool Json { get; }
    public Reactor Reactor { get; }
    public ITransport Transport { get; }
    public MonClient Mon { get; }

    /// <summary>Who we are to the cluster: one run of one command.</summary>
    public Guid Instance { get; } = Guid.NewGuid();

    /// <summary>What is left of --timeout, at least 0.</summary>
    public long LeftNanos => Math.Max(0, _deadlineNanos - Reactor.Clock.NowNanos);

    /// <summary>Runs one command to its end on this thread.</summary>
    public static ExitCode Run(ParseResult parsed, Func<ClusterSession, ReactorTask<ExitCode>> body) =>
        Run(CommonOptions.ConfigOf(parsed), parsed.GetValue(CommonOptions.Json), CommonOptions.TimeoutOf(parsed), body);

    /// <inheritdoc cref="Run(ParseResult, Func{ClusterSession, ReactorTask{ExitCode}})"/>
    public static ExitCode Run(FastblockConfig config, bool json, TimeSpan timeout, Func<ClusterSession, ReactorTask<ExitCode>> body,
        (int Bytes, int Count)[]? bufferClasses = null)
    {
        using ClientReactor thread = ClientReactor.Create(classes: bufferClasses);
        ClusterSession session = new(config, json, timeout, thread.Reactor, thread.Transport);
        session.Mon.Start();
        try
        {
            return thread.RunToEnd(() => body(session));
        }
        finally
        {
            session.Mon.Stop();
        }
    }

    /// <summary>Asks the monitors; a refusal becomes an exception that begins with <paramref name="doing"/>.</summary>
    public async ReactorTask<ControlReply> AskAsync(ControlRequest request, string doing)
    {
        ControlReply reply = await Mon.RequestAsync(request, LeftNanos);
        Require(reply, doing);
        return reply;
    }

    /// <summary>The cluster map, complete and as new as the cluster is now.</summary>
    public async ReactorTask<ClusterMap> MapAsync()
    {
        ControlStatus status = await Mon.CatchUpAsync(LeftNanos);
        if (status is ControlStatus.StatusOk) { return Mon.Map; }
        if (status is ControlStatus.StatusPermission) { throw new OperatorException(ExitCode.Permission, Mon.NoConnectionText()); }
        ExitCode code = Mon.IsConnected ? ExitCode.Timeout : ExitCode.NoConnection;
        throw new OperatorException(code, Mon.IsConnected ? "the monitors did not send the cluster map in time" : Mon.NoConnectionText());
    }

    /// <summary>Turns a refusal into an exception. The numbers of the statuses are those of the exit codes.</summary>
    public static void Require(ControlReply reply, string doing)
    {
        if (reply.Status is ControlStatus.StatusOk) { return; }
        ExitCode code = Enum.IsDefined((ExitCode)reply.Status) ? (ExitCode)reply.Status : ExitCode.Failed;
        throw new OperatorException(code, $"{doing}: {(reply.Text.Length > 0 ? reply.Text : reply.Status.ToString())}");
    }
}
