using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock image ls|info|du</c>.</summary>
internal static class ImageShowCommands
{
    public static IEnumerable<Command> Create()
    {
        Argument<string?> pool = new("pool") { Description = "Only this pool.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> all = new("--all", "-a") { Description = "Also images that were removed and are still being freed." };
        ManualCommand list = new("ls", "List the images.", "fastblock image ls", "fastblock image ls vol --json");
        list.Arguments.Add(pool);
        list.Options.Add(all);
        yield return list.Does(parsed =>
        {
            string? wanted = parsed.GetValue(pool) is string name ? ImageSpec.ParseName(name, "pool") : null;
            return ClusterSession.Run(parsed, session => ListAsync(session, wanted, parsed.GetValue(all)));
        });

        Argument<string> shown = ImageCommand.SpecArgument();
        ManualCommand info = new("info", "Show one image.", "fastblock image info vol/demo");
        info.Arguments.Add(shown);
        yield return info.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(shown));
            return ClusterSession.Run(parsed, session => InfoAsync(session, image));
        });

        Argument<string> measured = ImageCommand.SpecArgument();
        ManualCommand usage = new("du", "Show how much of an image has been written (one copy).", "fastblock image du vol/demo");
        usage.Arguments.Add(measured);
        yield return usage.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(measured));
            return ClusterSession.Run(parsed, session => UsageAsync(session, image));
        });
    }

    /// <summary>The image in the map, or the mistake in its name.</summary>
    internal static (PoolInfo Pool, ImageInfo Image) Find(ClusterMap map, ImageSpec spec)
    {
        if (!map.TryGetPool(spec.Pool, out PoolInfo? pool))
        {
            List<string> names = [];
            foreach (PoolInfo known in map.Pools) { names.Add(known.Name); }
            throw new OperatorException(ExitCode.NotFound, $"there is no pool '{spec.Pool}'{NearestName.Hint(spec.Pool, names)}");
        }
        if (!map.TryGetImage(pool.Id, spec.Image, out ImageInfo? image))
        {
            List<string> names = [];
            foreach (ImageInfo known in map.Images)
            {
                if (known.Pool == pool.Id && known.State is ImageState.Ready) { names.Add(known.Name); }
            }
            throw new OperatorException(ExitCode.NotFound, $"there is no image '{spec}'{NearestName.Hint(spec.Image, names)}");
        }
        return (pool, image);
    }

    private static async ReactorTask<ExitCode> ListAsync(ClusterSession session, string? pool, bool all)
    {
        ClusterMap map = await session.MapAsync();
        if (pool is not null && !map.TryGetPool(pool, out _)) { throw new OperatorException(ExitCode.NotFound, $"there is no pool '{pool}'"); }
        List<(ImageInfo Image, PoolInfo Pool)> images = [];
        foreach (ImageInfo image in map.Images)
        {
            if ((all || image.State is ImageState.Ready) && map.TryGetPool(image.Pool, out PoolInfo? owner) && (pool is null || owner.Name == pool))
            {
                images.Add((image, owner));
            }
        }
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartArray();
            foreach ((ImageInfo image, PoolInfo owner) in images) { WriteJson(json, image, owner); }
            json.WriteEndArray();
        }, output =>
        {
            TextTable table = new("IMAGE", ">ID", ">SIZE", "STATE", "OWNER");
            foreach ((ImageInfo image, PoolInfo owner) in images)
            {
                table.Add($"{owner.Name}/{image.Name}", image.Id.Value.ToString(CultureInfo.InvariantCulture), SizeText.Format(image.SizeBytes), StateOf(image),
                    image.Owned ? image.OwnerDescription : "-");
            }
            table.WriteTo(output);
        });
        return ExitCode.Ok;
    }

    private static async ReactorTask<ExitCode> InfoAsync(ClusterSession session, ImageSpec spec)
    {
        (PoolInfo pool, ImageInfo image) = Find(await session.MapAsync(), spec);
        CommandOutput.Print(session.Json, json => WriteJson(json, image, pool), output => WriteText(output, image, pool));
        return ExitCode.Ok;
    }

    private static void WriteText(TextWriter output, ImageInfo image, PoolInfo pool)
    {
        long objects = (image.SizeBytes + pool.ObjectBytes - 1) / pool.ObjectBytes;
        output.WriteLine($"image '{pool.Name}/{image.Name}':");
        output.WriteLine($"    id:          {image.Id.Value}");
        output.WriteLine($"    size:        {SizeText.Format(image.SizeBytes)} ({image.SizeBytes} bytes) in {objects} objects of {SizeText.Format(pool.ObjectBytes)}");
        if (image.IsShrinking) { output.WriteLine("    state:       shrinking; it cannot grow before that is done, 'fastblock status' shows how far it is"); }
        output.WriteLine($"    replicas:    {pool.Replicas}");
        output.WriteLine($"    created:     {Time(image.CreatedMillis)}");
        output.WriteLine(image.Owned
            ? $"    owner:       {image.OwnerDescription}, since {Time(image.AcquiredMillis)} (generation {image.OwnerGeneration})"
            : $"    owner:       none (generation {image.OwnerGeneration})");
    }

    private static void WriteJson(Utf8JsonWriter json, ImageInfo image, PoolInfo pool)
    {
        json.WriteStartObject();
        json.WriteNumber("id", image.Id.Value);
        json.WriteString("pool", pool.Name);
        json.WriteString("name", image.Name);
        json.WriteNumber("size_bytes", image.SizeBytes);
        json.WriteString("state", StateOf(image));
        json.WriteNumber("object_bytes", pool.ObjectBytes);
        json.WriteNumber("replicas", pool.Replicas);
        json.WriteNumber("created_ms", image.CreatedMillis);
        json.WriteBoolean("owned", image.Owned);
        json.WriteString("owner", image.Owned ? image.OwnerDescription : "");
        json.WriteNumber("owner_generation", image.OwnerGeneration);
        json.WriteEndObject();
    }

    /// <summary>What is still to be done about it.</summary>
    private static string StateOf(ImageInfo image) =>
        image.State is ImageState.Purging ? "removing" : image.IsShrinking ? "shrinking" : "ready";

    /// <summary>Asks the leader of every PG of the pool and adds up.</summary>
    private static async ReactorTask<ExitCode> UsageAsync(ClusterSession session, ImageSpec spec)
    {
        ClusterMap map = await session.MapAsync();
        (PoolInfo pool, ImageInfo image) = Find(map, spec);
        long allocated = 0;
        HashSet<ulong> counted = [];
        ControlRequest request = new() { ImageUsage = new ImageUsageRequest { Image = image.Id.Value } };
        await OsdCall.AskAllAsync(session, request, reply =>
        {
            if (reply.Status is not ControlStatus.StatusOk) { return true; }
            allocated += reply.ImageUsageResult.AllocatedBytes;
            foreach (ulong pg in reply.ImageUsageResult.Pgs)
            {
                if (new PgId(pg).Pool == pool.Id) { _ = counted.Add(pg); }
            }
            return true;
        });
        int missing = pool.PgCount - counted.Count;
        if (missing > 0) { Console.Error.WriteLine($"fastblock: {missing} of {pool.PgCount} PGs did not answer; the sum is too small"); }
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString("image", spec.ToString());
            json.WriteNumber("provisioned_bytes", image.SizeBytes);
            json.WriteNumber("used_bytes", allocated);
            json.WriteNumber("pgs_missing", Math.Max(0, missing));
            json.WriteEndObject();
        }, output =>
        {
            TextTable table = new("NAME", ">PROVISIONED", ">USED");
            table.Add(spec.ToString(), SizeText.Format(image.SizeBytes), SizeText.Format(allocated));
            table.WriteTo(output);
        });
        return missing > 0 ? ExitCode.Failed : ExitCode.Ok;
    }

    internal static string Time(long wallMillis) => wallMillis == 0 ? "unknown"
        : DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(wallMillis, 0, 253_402_300_799_000)).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
