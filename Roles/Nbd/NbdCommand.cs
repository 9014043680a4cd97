using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Nbd;

/// <summary><c>fastblock nbd</c>: serves an image to NBD clients until it is told to stop.</summary>
internal static class NbdCommand
{
    private const ushort PortDefault = 10809;

    /// <summary>sun_path without its end.</summary>
    private const int SocketPathBytesMax = 107;

    /// <summary>Room for the budget, the replies on their way in, and thousands of small I/Os. Memory that is never touched
    /// costs nothing.</summary>
    private static readonly (int Bytes, int Count)[] BufferClasses =
    [
        ((int)(4 * Units.KiB), 8192),
        ((int)(16 * Units.KiB), 512),
        ((int)(64 * Units.KiB), 512),
        ((int)(128 * Units.KiB), 128),
        ((int)(512 * Units.KiB), 160),
    ];

    public static Command Create()
    {
        Argument<string> image = new("image") { Description = "What to export.", HelpName = "POOL/IMAGE" };
        Option<string[]> listen = new("--listen")
        {
            Description = "TCP address, or path of a unix socket (anything with a slash); may be given several times. "
                + "Default: [nbd] listen of the configuration, else 127.0.0.1:10809.",
            HelpName = "ADDR:PORT|PATH",
        };
        Option<string[]> socket = new("--socket") { Description = "Path of a unix socket to listen on; may be given several times.", HelpName = "PATH" };
        Option<bool> readOnly = new("--read-only") { Description = "Export it for reading only; needs no ownership, so several servers may do it." };
        Option<bool> takeOver = new("--take-over") { Description = "Become the owner even if another client that is alive owns the image: that one is fenced." };
        Option<string?> export = new("--export") { Description = "Name of the export (default: POOL/IMAGE). The empty name always works too.", HelpName = "NAME" };
        Option<string?> metrics = new("--metrics") { Description = "HTTP address for /metrics and /health.", HelpName = "ADDR:PORT" };
        ManualCommand nbd = new("nbd", "Export an image over the NBD protocol, until SIGINT or SIGTERM.",
            "fastblock nbd vol/demo", "fastblock nbd vol/demo --socket /run/demo.sock --export demo",
            "fastblock nbd vol/demo --listen 0.0.0.0:10809 --read-only");
        nbd.Arguments.Add(image);
        foreach (Option option in (Option[])[listen, socket, readOnly, takeOver, export, metrics]) { nbd.Options.Add(option); }
        return nbd.Does(parsed =>
        {
            FastblockConfig config = CommonOptions.ConfigOf(parsed);
            ImageSpec spec = ImageSpec.Parse(parsed.GetRequiredValue(image));
            NbdServeOptions options = new()
            {
                Image = spec,
                Listen = AddressesOf(parsed.GetValue(listen) ?? [], parsed.GetValue(socket) ?? [], config),
                ReadOnly = parsed.GetValue(readOnly),
                TakeOver = parsed.GetValue(takeOver),
                ExportName = ExportNameOf(parsed.GetValue(export) ?? spec.ToString()),
                MetricsAddress = parsed.GetValue(metrics) ?? config.Nbd.MetricsAddress,
            };
            if (options is { ReadOnly: true, TakeOver: true })
            {
                throw new OperatorException(ExitCode.Usage, "--take-over makes no sense with --read-only, which owns nothing");
            }
            return ClusterSession.Run(config, json: false, CommonOptions.TimeoutOf(parsed), session => NbdService.RunAsync(session, options),
                BufferClasses);
        });
    }

    private static List<StreamAddress> AddressesOf(string[] listen, string[] sockets, FastblockConfig config)
    {
        List<StreamAddress> addresses = [];
        IReadOnlyList<string> texts = listen.Length + sockets.Length > 0 ? listen : config.Nbd.Listen;
        foreach (string text in texts)
        {
            addresses.Add(text.Contains('/', StringComparison.Ordinal) ? SocketOf(text)
                : StreamAddress.OfInternet(CommonOptions.Address(text, PortDefault, "--listen")));
        }
        foreach (string path in sockets) { addresses.Add(SocketOf(path)); }
        return addresses;
    }

    private static StreamAddress SocketOf(string path)
    {
        int bytes = Encoding.UTF8.GetByteCount(path);
        return bytes is > 0 and <= SocketPathBytesMax ? StreamAddress.OfUnix(path)
            : throw new OperatorException(ExitCode.Usage, $"socket path '{path}': must have 1 to {SocketPathBytesMax} bytes");
    }

    private static string ExportNameOf(string name) => Encoding.UTF8.GetByteCount(name) <= NbdLimits.MaxNameBytes ? name
        : throw new OperatorException(ExitCode.Usage, $"--export: a name has at most {NbdLimits.MaxNameBytes} bytes");
}
