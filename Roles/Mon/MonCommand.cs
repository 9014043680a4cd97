using System.Collections.Generic;
using System.CommandLine;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Net.Transport;
using Fastblock.Roles.Config;
using Fastblock.Roles.Hosting;
using Fastblock.Roles.Metrics;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Mon;

/// <summary><c>fastblock mon</c>: runs one monitor on a device that <c>mon mkfs</c> has prepared.</summary>
internal static class MonCommand
{
    private static readonly Option<string?> DeviceOption = new("--device", "-d")
    {
        Description = "File or block device of the metadata store; wins over [mon] device.",
        HelpName = "PATH",
    };

    private static readonly Option<string?> ListenOption = new("--listen")
    {
        Description = "Address to listen on instead of the one that the cluster knows this monitor by.",
        HelpName = "ADDR:PORT",
    };

    private static readonly Option<string?> MetricsOption = new("--metrics")
    {
        Description = "HTTP address for /metrics and /health.",
        HelpName = "ADDR:PORT",
    };

    public static Command Create()
    {
        ManualCommand mon = new("mon", "Run one monitor: keeps the cluster map.",
            "fastblock mon mkfs --device /var/lib/fastblock/mon --mons 10.0.0.1:7300",
            "fastblock mon --device /var/lib/fastblock/mon");
        foreach (Option option in (Option[])[DeviceOption, ListenOption, MetricsOption]) { mon.Options.Add(option); }
        mon.Subcommands.Add(MonMkfsCommand.Create());
        mon.Subcommands.Add(MonAddCommand.Create());
        return mon.Does(Run);
    }

    private static ExitCode Run(ParseResult parsed)
    {
        FastblockConfig config = CommonOptions.ConfigOf(parsed);
        string device = parsed.GetValue(DeviceOption) ?? config.Mon.Device;
        if (device.Length == 0)
        {
            throw new OperatorException(ExitCode.Usage, "no device: give --device PATH, or set device in section [mon]");
        }
        string listen = parsed.GetValue(ListenOption) ?? config.Mon.Listen;
        MonOptions options = new()
        {
            Contacts = ContactsOf(config),
            Listen = listen.Length == 0 ? null : CommonOptions.Address(listen, CommonOptions.MonPortDefault, "listen address"),
            OsdDownAfterNanos = config.Mon.DownAfterMillis * Units.NanosPerMilli,
            OsdOutAfterNanos = config.Mon.OutAfterSeconds * Units.NanosPerSecond,
            MinInPercent = config.Mon.MinInPercent,
            MaxRecoveries = config.Mon.MaxRecoveries,
        };
        using UringFile opened = DeviceFile.Open(device, "mon ('fastblock mon mkfs' prepares a device)");
        using ServerProcess process = new(new ServerProcessOptions { Name = "mon" });
        ServerSeat seat = process.Seats[0];
        Log log = new("mon", new BootClock(), new StderrLogOutput(), config.Log.Level);
        using MonServer server = new(options, seat.Reactor, seat.Transport, new UringDevice(seat.Reactor, opened), log)
        {
            OnFailed = process.Fail,
            OnRemoved = text => process.Refuse(text, ExitCode.WrongState),
            ProcessRequests = request => ProcessSettings.Apply(request.LogLevel, log, process),
        };
        using MetricsRegistry registry = new();
        server.OnStarted = () => MonMetrics.Register(registry, server);
        using MetricsServer? endpoint = MetricsEndpoint.TryServe(parsed.GetValue(MetricsOption) ?? config.Mon.MetricsAddress, registry,
            () => server.HasFailed ? (false, "failed") : (true, "ok"));
        return process.Run(server.StartAsync,
            () =>
            {
                log.Info($"mon.{server.Id.Value} listens on {server.Address}");
                if (endpoint is not null) { log.Info($"metrics at {endpoint.Url}"); }
            },
            () =>
            {
                log.Info("stopping");
                return server.StopAsync();
            });
    }

    /// <summary>The monitors that the configuration names. Not by name: a monitor must start while no name can be resolved.</summary>
    private static List<NetAddress> ContactsOf(FastblockConfig config)
    {
        List<NetAddress> contacts = [];
        foreach (string text in config.Cluster.Mons)
        {
            if (NetAddress.TryParse(text.Trim(), CommonOptions.MonPortDefault, out NetAddress? address)) { contacts.Add(address); }
        }
        return contacts;
    }
}
