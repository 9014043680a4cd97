using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Config;

/// <summary>The options that every command understands, and what they evaluate to. They hang on the root command and are
/// recursive, so `fastblock pool ls --json` and `fastblock --json pool ls` mean the same.</summary>
internal static class CommonOptions
{
    public const double TimeoutDefaultSeconds = 30;

    /// <summary>Port of a monitor address that names none.</summary>
    public const ushort MonPortDefault = 7300;

    public static readonly Option<string?> Config = new("--config", "-c")
    {
        Description = "Configuration file (TOML). Without it: $FASTBLOCK_CONFIG, else ./fastblock.toml if there is one, "
            + "else /etc/fastblock/fastblock.toml, else the defaults.",
        HelpName = "FILE",
        Recursive = true,
    };

    public static readonly Option<string?> Mon = new("--mon", "-m")
    {
        Description = "Monitor addresses, comma separated; wins over [cluster] mons of the configuration.",
        HelpName = "HOST:PORT,...",
        Recursive = true,
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print JSON on stdout instead of text.",
        Recursive = true,
    };

    public static readonly Option<double> Timeout = new("--timeout")
    {
        Description = "Seconds after which the command gives up with exit code 6, or 7 when it never reached anybody.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => TimeoutDefaultSeconds,
        Recursive = true,
    };

    /// <summary>The deadline of a command, checked.</summary>
    public static TimeSpan TimeoutOf(ParseResult parsed)
    {
        double seconds = parsed.GetValue(Timeout);
        return seconds is > 0 and <= 86_400 ? TimeSpan.FromSeconds(seconds)
            : throw new OperatorException(ExitCode.Usage, string.Create(CultureInfo.InvariantCulture,
                $"--timeout {seconds}: must be more than 0 and at most 86400 seconds"));
    }

    /// <summary>The effective configuration: file, then `--mon`.</summary>
    public static FastblockConfig ConfigOf(ParseResult parsed)
    {
        string? path = PathOf(parsed.GetValue(Config));
        FastblockConfig config = path is null ? new FastblockConfig() : ConfigReader.Load(path);
        if (parsed.GetValue(Mon) is string mons) { config = config with { Cluster = config.Cluster with { Mons = mons.Split(',') } }; }
        return config;
    }

    /// <summary>The monitors to talk to. None given anywhere is a usage error that says what to do.</summary>
    public static IReadOnlyList<NetAddress> MonsOf(FastblockConfig config)
    {
        List<NetAddress> mons = [];
        foreach (string text in config.Cluster.Mons) { mons.Add(Resolve(text.Trim(), MonPortDefault, "monitor address")); }
        return mons.Count > 0 ? mons : throw new OperatorException(ExitCode.Usage,
            "no monitor is known: give --mon HOST:PORT, or set mons in section [cluster] of fastblock.toml");
    }

    /// <summary>Parses one address; a bad one is a usage error naming <paramref name="what"/>.</summary>
    public static NetAddress Address(string text, ushort defaultPort, string what) =>
        NetAddress.TryParse(text.Trim(), defaultPort, out NetAddress? address) ? address
            : throw new OperatorException(ExitCode.Usage, $"{what}: '{text}' is not an address (write 127.0.0.1:7300 or [::1]:7300)");

    /// <summary>As <see cref="Address"/>, but a host may be given by name; of several addresses the first IPv4 one is taken.</summary>
    private static NetAddress Resolve(string text, ushort defaultPort, string what)
    {
        if (NetAddress.TryParse(text, defaultPort, out NetAddress? address)) { return address; }
        string[] parts = text.Split(':');
        ushort port = defaultPort;
        bool isName = parts.Length <= 2 && Uri.CheckHostName(parts[0]) is UriHostNameType.Dns
            && (parts.Length == 1 || ushort.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out port));
        if (!isName) { return Address(text, defaultPort, what); }
        try
        {
            IPAddress[] found = Dns.GetHostAddresses(parts[0]);
            IPAddress? best = Array.Find(found, candidate => candidate.AddressFamily is AddressFamily.InterNetwork);
            if (best is not null || found.Length > 0) { return new NetAddress(best ?? found[0], port); }
        }
        catch (SocketException)
        {
            // Told below, like a name without addresses.
        }
        throw new OperatorException(ExitCode.Usage, $"{what}: '{text}' is not an address, and no host of that name is known");
    }

    /// <summary>Which file is read; a file that was asked for and is missing is an error, one of the usual places is not.</summary>
    private static string? PathOf(string? asked)
    {
        asked ??= Environment.GetEnvironmentVariable("FASTBLOCK_CONFIG");
        if (asked is not null)
        {
            return File.Exists(asked) ? asked
                : throw new OperatorException(ExitCode.Usage, $"configuration file '{asked}' does not exist");
        }
        if (File.Exists("fastblock.toml")) { return "fastblock.toml"; }
        return File.Exists("/etc/fastblock/fastblock.toml") ? "/etc/fastblock/fastblock.toml" : null;
    }
}
