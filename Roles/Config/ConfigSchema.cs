using System.Collections.Generic;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Config;

/// <summary>All settings of fastblock.toml, in the order of that file.</summary>
internal static class ConfigSchema
{
    public static readonly IReadOnlyList<ConfigKey> Keys =
    [
        ConfigKey.TextList("cluster", "mons", "Addresses of the monitors, host:port.",
            c => c.Cluster.Mons, (c, v) => c with { Cluster = c.Cluster with { Mons = v } }, AddressOrName),

        ConfigKey.Choice("log", "level", "Least level that is written: debug, info, warn or error.",
            c => c.Log.Level, (c, v) => c with { Log = c.Log with { Level = v } }),

        ConfigKey.Text("mon", "device", "File or block device of the metadata store, made by 'fastblock mon mkfs'.",
            c => c.Mon.Device, (c, v) => c with { Mon = c.Mon with { Device = v } }),
        ConfigKey.Text("mon", "listen", "Address to listen on; empty = the one the cluster knows this monitor by.",
            c => c.Mon.Listen, (c, v) => c with { Mon = c.Mon with { Listen = v } }, AddressOrNone),
        ConfigKey.Text("mon", "metrics_address", "HTTP endpoint for /metrics and /health; empty = none, port 0 = any.",
            c => c.Mon.MetricsAddress, (c, v) => c with { Mon = c.Mon with { MetricsAddress = v } }, AddressOrNone),
        ConfigKey.Integer("mon", "down_after_ms", "Silence in milliseconds after which an OSD counts as down.", 500, 3_600_000,
            c => c.Mon.DownAfterMillis, (c, v) => c with { Mon = c.Mon with { DownAfterMillis = (int)v } }),
        ConfigKey.Integer("mon", "out_after_s", "Silence in seconds after which an OSD is put out and its data are made anew elsewhere; 0 = never.", 0, 1_000_000,
            c => c.Mon.OutAfterSeconds, (c, v) => c with { Mon = c.Mon with { OutAfterSeconds = (int)v } }),
        ConfigKey.Integer("mon", "min_in_percent", "Silent OSDs are not put out when less than this part of all would be left in.", 0, 100,
            c => c.Mon.MinInPercent, (c, v) => c with { Mon = c.Mon with { MinInPercent = (int)v } }),
        ConfigKey.Integer("mon", "max_recoveries", "PGs that are copied to or from one OSD at the same time.", 1, 1_000,
            c => c.Mon.MaxRecoveries, (c, v) => c with { Mon = c.Mon with { MaxRecoveries = (int)v } }),

        ConfigKey.Text("osd", "device", "File or block device with the data, made by 'fastblock osd mkfs'.",
            c => c.Osd.Device, (c, v) => c with { Osd = c.Osd with { Device = v } }),
        ConfigKey.Text("osd", "public_address", "Where clients reach this OSD; port 0 = any free one.",
            c => c.Osd.PublicAddress, (c, v) => c with { Osd = c.Osd with { PublicAddress = v } }, Address),
        ConfigKey.Text("osd", "cluster_address", "Where other OSDs reach this one; empty = the public address.",
            c => c.Osd.ClusterAddress, (c, v) => c with { Osd = c.Osd with { ClusterAddress = v } }, AddressOrNone),
        ConfigKey.Mask("osd", "core_mask", "Cores that run reactors, one bit each; shards are dealt out to them. 0 = one reactor that the kernel may place.",
            c => c.Osd.CoreMask, (c, v) => c with { Osd = c.Osd with { CoreMask = v } }),
        ConfigKey.Choice("osd", "poll", "How a reactor waits: adaptive (spin, then sleep), busy (never sleep) or sleep (never spin).",
            c => c.Osd.Poll, (c, v) => c with { Osd = c.Osd with { Poll = v } }),
        ConfigKey.Integer("osd", "spin_us", "Microseconds that an adaptive reactor spins after its last work, while work comes often.", 0, 10_000,
            c => c.Osd.SpinMicros, (c, v) => c with { Osd = c.Osd with { SpinMicros = (int)v } }),
        ConfigKey.Integer("osd", "scrub_interval_h", "Hours in which every object is read and compared with its other replicas once; 0 = only when 'pg scrub' asks.", 0, 87_600,
            c => c.Osd.ScrubIntervalHours, (c, v) => c with { Osd = c.Osd with { ScrubIntervalHours = (int)v } }),
        ConfigKey.Integer("osd", "scrub_mib_per_s", "Most that a shard reads for scrubs, in MiB per second.", 1, 10_000,
            c => c.Osd.ScrubMibPerSecond, (c, v) => c with { Osd = c.Osd with { ScrubMibPerSecond = (int)v } }),
        ConfigKey.Text("osd", "metrics_address", "HTTP endpoint for /metrics and /health; empty = none, port 0 = any.",
            c => c.Osd.MetricsAddress, (c, v) => c with { Osd = c.Osd with { MetricsAddress = v } }, AddressOrNone),

        ConfigKey.TextList("nbd", "listen", "TCP addresses and unix sockets (anything with a slash) to listen on.",
            c => c.Nbd.Listen, (c, v) => c with { Nbd = c.Nbd with { Listen = v } }, AddressOrPath),
        ConfigKey.Text("nbd", "metrics_address", "HTTP endpoint for /metrics and /health; empty = none, port 0 = any.",
            c => c.Nbd.MetricsAddress, (c, v) => c with { Nbd = c.Nbd with { MetricsAddress = v } }, AddressOrNone),
    ];

    private static string? Address(string text) =>
        NetAddress.TryParse(text, 0, out _) ? null : $"'{text}' is not an address (write 127.0.0.1:7300 or [::1]:7300)";

    /// <summary>Names are resolved when they are needed.</summary>
    private static string? AddressOrName(string text) =>
        text.Split(':') is { Length: <= 2 } parts && System.Uri.CheckHostName(parts[0]) is System.UriHostNameType.Dns
            && (parts.Length == 1 || ushort.TryParse(parts[1], out _)) ? null : Address(text);

    private static string? AddressOrNone(string text) => text.Length == 0 ? null : Address(text);

    private static string? AddressOrPath(string text) => text.Contains('/', System.StringComparison.Ordinal) ? null : Address(text);
}
