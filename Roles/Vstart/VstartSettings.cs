using System;
using System.Collections.Generic;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Roles.Config;
using Fastblock.Roles.Config.Toml;

namespace Fastblock.Roles.Vstart;

/// <summary>What a vstart cluster was made with, kept in DIR/vstart.toml so that the next start finds it again.</summary>
internal sealed record VstartSettings
{
    public int Osds { get; init; } = VstartOptions.OsdsDefault;
    public int Replicas { get; init; } = VstartOptions.ReplicasDefault;
    public int Pgs { get; init; } = VstartOptions.PgsDefault;
    public int Shards { get; init; } = 1;
    public long SizeBytes { get; init; } = 4 * Units.GiB;
    public bool InMemory { get; init; }

    /// <summary>Where the export listened last.</summary>
    public int NbdPort { get; init; } = VstartOptions.NbdPortDefault;
    public IReadOnlyList<string> MonAddresses { get; init; } = [];

    /// <summary>Where each server serves /metrics.</summary>
    public SortedDictionary<string, int> MetricsPorts { get; init; } = new(StringComparer.Ordinal);

    public void Save(string path)
    {
        List<string> quoted = [];
        foreach (string address in MonAddresses) { quoted.Add($"\"{address}\""); }
        List<string> metrics = [];
        foreach ((string server, int port) in MetricsPorts) { metrics.Add($"\"{server}\" = {port}"); }
        VstartDirectory.Write(path, $"""
            # Written by 'fastblock vstart' when it made this cluster.
            osds = {Osds}
            replicas = {Replicas}
            pgs = {Pgs}
            shards = {Shards}
            size_bytes = {SizeBytes}
            nbd_port = {NbdPort}
            in_memory = {(InMemory ? "true" : "false")}
            mon_addresses = [{string.Join(", ", quoted)}]

            [metrics_ports]
            {string.Join("\n", metrics)}

            """);
    }

    public static VstartSettings Load(string path)
    {
        if (!TomlReader.TryRead(File.ReadAllBytes(path), out TomlTable? document, out TomlError? error))
        {
            throw new OperatorException(ExitCode.Usage, $"{path}: {error}");
        }
        List<string> addresses = [];
        if (document.TryGet("mon_addresses", out TomlNode? list) && list is TomlArray array)
        {
            foreach (TomlNode item in array.Items)
            {
                if (item is TomlScalar { Kind: TomlKind.Text } text) { addresses.Add(text.Text); }
            }
        }
        if (addresses.Count == 0) { throw new OperatorException(ExitCode.Usage, $"{path}: mon_addresses is missing"); }
        return new VstartSettings
        {
            Osds = (int)Number("osds", 1, 64),
            Replicas = (int)Number("replicas", 1, 5),
            Pgs = (int)Number("pgs", 1, 16384),
            Shards = (int)Number("shards", 1, 64),
            NbdPort = (int)Number("nbd_port", 1, 65535),
            SizeBytes = Number("size_bytes", 1, long.MaxValue),
            InMemory = document.TryGet("in_memory", out TomlNode? node) && node is TomlScalar { Kind: TomlKind.Boolean, Boolean: true },
            MonAddresses = addresses,
            MetricsPorts = Ports(),
        };

        SortedDictionary<string, int> Ports()
        {
            SortedDictionary<string, int> ports = new(StringComparer.Ordinal);
            if (!document.TryGet("metrics_ports", out TomlNode? value) || value is not TomlTable table) { return ports; }
            foreach (string server in table.Names)
            {
                if (table.TryGet(server, out TomlNode? port) && port is TomlScalar { Kind: TomlKind.Integer, Integer: > 0 and < 65536 } number)
                {
                    ports[server] = (int)number.Integer;
                }
            }
            return ports;
        }

        long Number(string name, long first, long last) =>
            document.TryGet(name, out TomlNode? value) && value is TomlScalar { Kind: TomlKind.Integer } number
                && number.Integer >= first && number.Integer <= last ? number.Integer
                : throw new OperatorException(ExitCode.Usage, $"{path}: {name} is missing or not from {first} to {last}");
    }
}
