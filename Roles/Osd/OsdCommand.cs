using System;
using System.CommandLine;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;
using Fastblock.Roles.Hosting;
using Fastblock.Roles.Metrics;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Osd;

/// <summary><c>fastblock osd</c>: runs one OSD on a device that <c>osd mkfs</c> has prepared.</summary>
internal static class OsdCommand
{
    private static readonly Option<string?> DeviceOption = new("--device", "-d")
    {
        Description = "File or block device with the data; wins over [osd] device. mem:SIZE keeps everything in memory (benchmarks).",
        HelpName = "PATH",
    };

    private static readonly Option<string?> CoreMaskOption = new("--core-mask")
    {
        Description = "Cores that run reactors, as a bit mask: 0x3 = cores 0 and 1. 0 = one reactor anywhere.",
        HelpName = "MASK",
    };

    private static readonly Option<string?> PublicOption = new("--public-address")
    {
        Description = "Where clients reach this OSD; port 0 takes a free one.",
        HelpName = "ADDR:PORT",
    };

    private static readonly Option<string?> ClusterOption = new("--cluster-address")
    {
        Description = "Where other OSDs reach it; the public address when not given.",
        HelpName = "ADDR:PORT",
    };

    private static readonly Option<string?> MetricsOption = new("--metrics")
    {
        Description = "HTTP address for /metrics and /health.",
        HelpName = "ADDR:PORT",
    };

    private static readonly Option<string?> HostOption = new("--host")
    {
        Description = "Failure domain, when it is not the one that mkfs was told any more.",
        HelpName = "NAME",
    };

    public static Command Create()
    {
        ManualCommand osd = new("osd", "Run one OSD: holds replicas of placement groups on one device.",
            "fastblock osd mkfs --device /dev/nvme1n1 --mon 10.0.0.1:7300",
            "fastblock osd --device /dev/nvme1n1 --core-mask 0x3 --public-address 10.0.0.11:7400");
        foreach (Option option in (Option[])[DeviceOption, CoreMaskOption, PublicOption, ClusterOption, MetricsOption, HostOption])
        {
            osd.Options.Add(option);
        }
        osd.Subcommands.Add(OsdMkfsCommand.Create());
        return osd.Does(Run);
    }

    private static ExitCode Run(ParseResult parsed)
    {
        FastblockConfig config = CommonOptions.ConfigOf(parsed);
        OsdConfig osd = config.Osd;
        string device = parsed.GetValue(DeviceOption) ?? osd.Device;
        if (device.Length == 0)
        {
            throw new OperatorException(ExitCode.Usage, "no device: give --device PATH, or set device in section [osd]");
        }
        ulong mask = parsed.GetValue(CoreMaskOption) is string text ? ParseMask(text) : osd.CoreMask;
        RequireCores(mask);
        string publicText = parsed.GetValue(PublicOption) ?? osd.PublicAddress;
        string clusterText = parsed.GetValue(ClusterOption) ?? (osd.ClusterAddress.Length > 0 ? osd.ClusterAddress : publicText);
        OsdOptions options = new()
        {
            Mons = CommonOptions.MonsOf(config),
            PublicAddress = CommonOptions.Address(publicText, 0, "public address"),
            ClusterAddress = CommonOptions.Address(clusterText, 0, "cluster address"),
            Host = parsed.GetValue(HostOption) ?? "",
            GreetFirstNanos = Units.NanosPerSecond,
            ScrubIntervalNanos = osd.ScrubIntervalHours * 3600L * Units.NanosPerSecond,
            ScrubBytesPerSecond = osd.ScrubMibPerSecond * Units.MiB,
        };
        using OsdDevice opened = OsdDevice.Open(device);
        VolumeFormatOptions? format = opened.IsMemory ? Register(parsed, opened, parsed.GetValue(HostOption) ?? Environment.MachineName) : null;
        using ServerProcess process = new(new ServerProcessOptions
        {
            Name = "osd",
            CoreMask = mask,
            Poll = osd.Poll,
            SpinNanos = osd.SpinMicros * Units.NanosPerMicro,
        });
        return Serve(process, options, opened, format, parsed.GetValue(MetricsOption) ?? osd.MetricsAddress, config.Log.Level);
    }

    /// <summary>A device in memory is new at every start: it gets an id like one that is prepared by hand.</summary>
    private static VolumeFormatOptions Register(ParseResult parsed, OsdDevice device, string host)
    {
        VolumeFormatOptions? format = null;
        _ = ClusterSession.Run(parsed, async session =>
        {
            format = await OsdMkfs.RegisterAsync(session, Guid.NewGuid(), device.SizeBytes, new OsdMkfs.Place(host, "", 0), force: false);
            return ExitCode.Ok;
        });
        return format!;
    }

    private static ExitCode Serve(ServerProcess process, OsdOptions options, OsdDevice device, VolumeFormatOptions? format,
        string metrics, LogLevel level)
    {
        Log log = new("osd", new BootClock(), new StderrLogOutput(), level);
        using OsdServer server = new(options, log, shards => device.SeatsOn(process.Seats, shards))
        {
            OnFailed = process.Fail,
            OnRefused = process.Refuse,
            ProcessRequests = request => Answer(request, log, process),
        };
        using MetricsRegistry registry = new();
        using MetricsServer? endpoint = OsdMetrics.TryServe(server, registry, metrics);
        return process.Run(() => StartAsync(process, server, device, format),
            () =>
            {
                log.Info($"osd.{server.Identity!.Id.Value} serves {server.Shards.Count} shards at {server.PublicAddress}");
                log.Info($"device by {device.Kind}; io_uring with {process.RingFeatures}");
                if (endpoint is not null) { log.Info($"metrics at {endpoint.Url}"); }
            },
            () =>
            {
                log.Info("stopping");
                return server.StopAsync();
            });
    }

    private static async ReactorTask<string?> StartAsync(
        ServerProcess process, OsdServer server, OsdDevice device, VolumeFormatOptions? format)
    {
        Reactor reactor = process.Seats[0].Reactor;
        if (format is not null)
        {
            await OsdMkfs.FormatAsync(reactor, device.On(reactor), format);
            device.Populate();
        }
        return await server.StartAsync();
    }

    private static ControlReply Answer(ControlRequest request, Log log, ServerProcess process)
    {
        if (request.CommandCase != ControlRequest.CommandOneofCase.LogLevel)
        {
            return new ControlReply { Status = ControlStatus.StatusInvalid, Text = "an OSD does not answer that request" };
        }
        return ProcessSettings.Apply(request.LogLevel, log, process);
    }

    /// <summary>A reactor that silently ran on another core than the one it was given would only be slow.</summary>
    private static void RequireCores(ulong mask)
    {
        for (int core = 0; core < 64; core++)
        {
            if ((mask >> core & 1) != 0 && !CoreSet.IsAllowed(core))
            {
                throw new OperatorException(ExitCode.Usage, $"core mask 0x{mask:x}: this process may not run on core {core} (see 'taskset -p $$')");
            }
        }
    }

    private static ulong ParseMask(string text)
    {
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool sound = isHex
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong mask)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out mask);
        return sound ? mask : throw new OperatorException(ExitCode.Usage, $"--core-mask '{text}': write a bit mask such as 0x3");
    }
}
