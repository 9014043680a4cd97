using System;
using System.Collections.Generic;
using Fastblock.Roles.Config;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Vstart;

/// <summary>What a cluster is to be: from the options for a new one, from its folder for one that exists.</summary>
internal static class VstartPlan
{
    /// <summary>Settles what the cluster is to be. Changes nothing: what cannot be is refused before anything is made.</summary>
    /// <param name="isRunning">Some server of it runs.</param>
    /// <returns>Without monitors' addresses for a cluster that has to be made.</returns>
    public static VstartSettings Decide(VstartOptions options, VstartDirectory directory, bool isRunning)
    {
        VstartSettings? settings = directory.HasCluster ? VstartSettings.Load(directory.Settings) : null;
        if (settings is null) { return NewSettings(options, new VstartSettings { Replicas = 0 }); }
        if (settings.InMemory && !isRunning) { return NewSettings(options, settings); }
        CheckUnchanged(options, settings, directory);
        return options.Osds > settings.Osds ? settings with { Osds = (int)options.Osds } : settings;
    }

    /// <summary>Writes the settings, and the configuration for the command line, into the cluster's folder.</summary>
    /// <param name="settings">As decided.</param>
    /// <param name="mons">How many a new cluster gets; null = as many as this folder's had, or the default.</param>
    public static VstartSettings Save(VstartSettings settings, int? mons, VstartDirectory directory, FreePorts ports)
    {
        if (settings.MonAddresses.Count == 0)
        {
            int count = mons ?? VstartOptions.MonsDefault;
            if (directory.HasCluster)
            {
                count = mons ?? VstartSettings.Load(directory.Settings).MonAddresses.Count;
                VstartServers.Tell("vstart: this cluster had its data in memory, which is gone: making an empty one in its place, "
                    + $"{settings.Osds} OSDs of {SizeText.FormatExact(settings.SizeBytes)} {(settings.InMemory ? "in memory" : "in files")}, {settings.Pgs} PGs");
                directory.Wipe();
            }
            settings = settings with { MonAddresses = TakeMonPorts(count, ports) };
        }
        settings.Save(directory.Settings);
        VstartDirectory.Write(directory.Config, $"""
            # Written by 'fastblock vstart', for: fastblock --config {directory.Config} status
            [cluster]
            mons = ["{string.Join("\", \"", settings.MonAddresses)}"]

            """);
        return settings;
    }

    private static List<string> TakeMonPorts(int count, FreePorts ports)
    {
        List<string> mons = [];
        int port = CommonOptions.MonPortDefault;
        for (int i = 0; i < count; i++)
        {
            int taken = ports.Take(port);
            mons.Add($"127.0.0.1:{taken}");
            port = taken + 1;
        }
        return mons;
    }

    /// <param name="before">What the folder's last cluster was made with, or the defaults: for what is not asked for now.</param>
    private static VstartSettings NewSettings(VstartOptions options, VstartSettings before)
    {
        int osds = options.Osds ?? before.Osds;
        int replicasDefault = osds >= VstartOptions.ReplicasDefault ? VstartOptions.ReplicasDefault : 1;
        VstartSettings settings = before with
        {
            Osds = osds,
            Replicas = options.Replicas ?? (before.Replicas is > 0 and int replicas && replicas <= osds ? replicas : replicasDefault),
            Pgs = options.Pgs ?? before.Pgs,
            Shards = options.Shards ?? before.Shards,
            SizeBytes = options.SizeBytes ?? before.SizeBytes,
            InMemory = options.InMemory ?? before.InMemory,
            MonAddresses = [],
            MetricsPorts = new(StringComparer.Ordinal),
        };
        if (settings.Replicas > osds)
        {
            throw new OperatorException(ExitCode.Usage, $"--replicas {settings.Replicas}: needs at least as many OSDs (--osds {osds})");
        }
        VolumeFormatOptions format = new() { Cluster = default, Kind = NodeKind.Osd, NodeId = 0, Device = default, Shards = settings.Shards };
        if (VolumeGeometry.TryPlan(settings.SizeBytes, format, out _, out string whyNot) is not VolumeStatus.Ok)
        {
            throw new OperatorException(ExitCode.Usage, $"--size {SizeText.FormatExact(settings.SizeBytes)} with --shards {settings.Shards}: {whyNot}");
        }
        return settings;
    }

    /// <summary>What is fixed when a cluster is made cannot be asked for differently later.</summary>
    private static void CheckUnchanged(VstartOptions options, VstartSettings settings, VstartDirectory directory)
    {
        string? whyNot = options.Mons is int mons && mons != settings.MonAddresses.Count ? $"it has {settings.MonAddresses.Count} monitors, not {mons}"
            : options.Osds < settings.Osds ? $"it has {settings.Osds} OSDs; they cannot become fewer"
            : options.Replicas is int replicas && replicas != settings.Replicas ? $"pool {VstartCluster.PoolName} has {settings.Replicas} replicas, not {replicas}"
            : options.Shards is int shards && shards != settings.Shards ? $"its OSDs have {settings.Shards} shards, not {shards}"
            : options.Pgs is int pgs && pgs != settings.Pgs ? $"pool {VstartCluster.PoolName} has {settings.Pgs} PGs, not {pgs}"
            : options.SizeBytes is long size && size != settings.SizeBytes
                ? $"its devices have {SizeText.FormatExact(settings.SizeBytes)}, not {SizeText.FormatExact(size)}"
            : options.InMemory is bool inMemory && inMemory != settings.InMemory ? $"its devices are {(settings.InMemory ? "in memory" : "files")}"
            : null;
        if (whyNot is not null) { throw new OperatorException(ExitCode.WrongState, $"the cluster in {directory.Root} cannot be changed: {whyNot}"); }
    }
}
