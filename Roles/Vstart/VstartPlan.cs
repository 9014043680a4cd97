using System;
using System.Collections.Generic;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary>What a cluster is to be: from the options for a new one, from its folder for one that exists.</summary>
internal static class VstartPlan
{
    /// <summary>Settles the cluster's settings and writes them, and the configuration for the command line, into its folder.</summary>
    /// <param name="isRunning">Some server of it runs.</param>
    public static VstartSettings Prepare(VstartOptions options, VstartDirectory directory, FreePorts ports, bool isRunning)
    {
        VstartSettings? settings = directory.HasCluster ? VstartSettings.Load(directory.Settings) : null;
        if (settings is { InMemory: true } && !isRunning)
        {
            Console.Error.WriteLine("vstart: this cluster had its data in memory, which is gone: making a new one");
            directory.Wipe();
            settings = null;
        }
        if (settings is not null)
        {
            CheckUnchanged(options, settings, directory);
            if (options.Osds > settings.Osds) { settings = settings with { Osds = (int)options.Osds }; }
        }
        settings ??= NewSettings(options, ports);
        settings.Save(directory.Settings);
        File.WriteAllText(directory.Config, $"""
            # Written by 'fastblock vstart', for: fastblock --config {directory.Config} status
            [cluster]
            mons = ["{string.Join("\", \"", settings.MonAddresses)}"]

            """);
        return settings;
    }

    private static VstartSettings NewSettings(VstartOptions options, FreePorts ports)
    {
        int osds = options.Osds ?? VstartOptions.OsdsDefault;
        bool inMemory = options.InMemory ?? false;
        List<string> mons = [];
        int port = CommonOptions.MonPortDefault;
        for (int i = 0; i < (options.Mons ?? VstartOptions.MonsDefault); i++)
        {
            int taken = ports.Take(port);
            mons.Add($"127.0.0.1:{taken}");
            port = taken + 1;
        }
        return new VstartSettings
        {
            Osds = osds,
            Replicas = options.Replicas ?? (osds >= VstartOptions.ReplicasDefault ? VstartOptions.ReplicasDefault : 1),
            Pgs = options.Pgs ?? VstartOptions.PgsDefault,
            Shards = options.Shards ?? 1,
            SizeBytes = options.SizeBytes ?? (4 * Units.GiB),
            InMemory = inMemory,
            MonAddresses = mons,
        };
    }

    /// <summary>What is fixed when a cluster is made cannot be asked for differently later.</summary>
    private static void CheckUnchanged(VstartOptions options, VstartSettings settings, VstartDirectory directory)
    {
        string? whyNot = options.Mons is int mons && mons != settings.MonAddresses.Count ? $"it has {settings.MonAddresses.Count} monitors, not {mons}"
            : options.Osds < settings.Osds ? $"it has {settings.Osds} OSDs; they cannot become fewer"
            : options.Replicas is int replicas && replicas != settings.Replicas ? $"pool {VstartCluster.PoolName} has {settings.Replicas} replicas, not {replicas}"
            : options.Shards is int shards && shards != settings.Shards ? $"its OSDs have {settings.Shards} shards, not {shards}"
            : options.Pgs is int pgs && pgs != settings.Pgs ? $"pool {VstartCluster.PoolName} has {settings.Pgs} PGs, not {pgs}"
            : options.InMemory is bool inMemory && inMemory != settings.InMemory ? $"its devices are {(settings.InMemory ? "in memory" : "files")}"
            : null;
        if (whyNot is not null) { throw new OperatorException(ExitCode.WrongState, $"the cluster in {directory.Root} cannot be changed: {whyNot}"); }
    }
}
