using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock pool create|ls|rm</c>.</summary>
internal static class PoolCommand
{
    public static Command Create()
    {
        ManualCommand pool = new("pool", "Make, list and remove pools.");
        pool.Subcommands.Add(CreateCreate());
        pool.Subcommands.Add(new ManualCommand("ls", "List the pools.", "fastblock pool ls").Does(parsed => ClusterSession.Run(parsed, ListAsync)));
        pool.Subcommands.Add(CreateRemove());
        return pool;
    }

    private static ManualCommand CreateCreate()
    {
        Argument<string> name = new("name") { Description = "Name of the new pool." };
        Option<uint> replicas = new("--replicas")
        {
            Description = "Copies of everything: 1, 3 or 5.",
            HelpName = "N",
            DefaultValueFactory = _ => 3,
        };
        Option<uint> pgs = new("--pgs") { Description = "Placement groups, a power of two; 0 = chosen from the number of OSDs (default).", HelpName = "N" };
        Option<string?> objectSize = new("--object-size") { Description = "Size of the slices an image is cut into: 64K to 4M, a power of two (default 4M).", HelpName = "SIZE" };
        Option<string> domain = new("--failure-domain") { Description = "What may fail as a whole: rack, host or osd.", HelpName = "rack|host|osd", DefaultValueFactory = _ => "host" };
        ManualCommand create = new("create", "Make a pool.", "fastblock pool create vol --replicas 3 --pgs 64",
            "fastblock pool create scratch --replicas 1 --failure-domain osd");
        create.Arguments.Add(name);
        create.Options.Add(replicas);
        create.Options.Add(pgs);
        create.Options.Add(objectSize);
        create.Options.Add(domain);
        return create.Does(parsed =>
        {
            PoolCreateRequest request = new()
            {
                Name = ImageSpec.ParseName(parsed.GetRequiredValue(name), "pool"),
                Replicas = CheckReplicas(parsed.GetValue(replicas)),
                PgCount = parsed.GetValue(pgs),
                ObjectBytes = parsed.GetValue(objectSize) is string size ? ParseObjectBytes(size) : 0,
                FailureDomain = parsed.GetValue(domain) switch
                {
                    "host" => FailureDomainKind.FailureDomainHost,
                    "osd" => FailureDomainKind.FailureDomainOsd,
                    "rack" => FailureDomainKind.FailureDomainRack,
                    string other => throw new OperatorException(ExitCode.Usage, $"--failure-domain '{other}': must be rack, host or osd"),
                    null => FailureDomainKind.FailureDomainHost,
                },
            };
            return ClusterSession.Run(parsed, session => CreateAsync(session, request));
        });
    }

    private static ManualCommand CreateRemove()
    {
        Argument<string> name = new("name") { Description = "Name of the pool." };
        ManualCommand remove = new("rm", "Remove a pool that has no images.", "fastblock pool rm scratch");
        remove.Arguments.Add(name);
        return remove.Does(parsed =>
        {
            string pool = ImageSpec.ParseName(parsed.GetRequiredValue(name), "pool");
            return ClusterSession.Run(parsed, session => RemoveAsync(session, pool));
        });
    }

    private static uint CheckReplicas(uint replicas) => replicas is 1 or 3 or 5 ? replicas
        : throw new OperatorException(ExitCode.Usage, $"--replicas {replicas}: must be 1, 3 or 5. An even number tolerates no more "
            + "failures than the odd one below it and costs one more copy of every byte");

    private static uint ParseObjectBytes(string text)
    {
        long bytes = SizeText.Parse(text, "--object-size");
        return bytes is > 0 and <= uint.MaxValue && PoolInfo.IsValidObjectBytes((uint)bytes) ? (uint)bytes
            : throw new OperatorException(ExitCode.Usage, $"--object-size {text}: must be a power of two from 64K to 4M");
    }

    /// <summary>Makes a pool and says so.</summary>
    private static async ReactorTask<ExitCode> CreateAsync(ClusterSession session, PoolCreateRequest request)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { PoolCreate = request }, $"pool '{request.Name}' was not made");
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString("name", request.Name);
            json.WriteNumber("id", reply.PoolCreateResult.Id);
            json.WriteNumber("pgs", reply.PoolCreateResult.PgCount);
            json.WriteEndObject();
        }, output => output.WriteLine($"pool '{request.Name}' made: {request.Replicas} replicas, {reply.PoolCreateResult.PgCount} PGs"));
        return ExitCode.Ok;
    }

    private static async ReactorTask<ExitCode> RemoveAsync(ClusterSession session, string name)
    {
        _ = await session.AskAsync(new ControlRequest { PoolRemove = new PoolRemoveRequest { Name = name } }, $"pool '{name}' was not removed");
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString("removed", name);
            json.WriteEndObject();
        }, output => output.WriteLine($"pool '{name}' removed"));
        return ExitCode.Ok;
    }

    private static async ReactorTask<ExitCode> ListAsync(ClusterSession session)
    {
        ClusterMap map = await session.MapAsync();
        CommandOutput.Print(session.Json, json => WriteJson(json, map), output => WriteText(output, map));
        return ExitCode.Ok;
    }

    private static void WriteText(TextWriter output, ClusterMap map)
    {
        TextTable table = new("POOL", ">ID", ">REPLICAS", ">PGS", ">OBJECT SIZE", "FAILURE DOMAIN", ">IMAGES");
        foreach (PoolInfo pool in map.Pools)
        {
            table.Add(pool.Name, pool.Id.Value.ToString(CultureInfo.InvariantCulture), pool.Replicas.ToString(CultureInfo.InvariantCulture),
                pool.PgCount.ToString(CultureInfo.InvariantCulture), SizeText.Format(pool.ObjectBytes),
                ConfigKey.Lower(pool.FailureDomain), ImagesOf(map, pool).ToString(CultureInfo.InvariantCulture));
        }
        table.WriteTo(output);
    }

    private static void WriteJson(Utf8JsonWriter json, ClusterMap map)
    {
        json.WriteStartArray();
        foreach (PoolInfo pool in map.Pools)
        {
            json.WriteStartObject();
            json.WriteNumber("id", pool.Id.Value);
            json.WriteString("name", pool.Name);
            json.WriteNumber("replicas", pool.Replicas);
            json.WriteNumber("pgs", pool.PgCount);
            json.WriteNumber("object_bytes", pool.ObjectBytes);
            json.WriteString("failure_domain", ConfigKey.Lower(pool.FailureDomain));
            json.WriteNumber("images", ImagesOf(map, pool));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static int ImagesOf(ClusterMap map, PoolInfo pool)
    {
        int count = 0;
        foreach (ImageInfo image in map.Images)
        {
            if (image.Pool == pool.Id && image.State is ImageState.Ready) { count++; }
        }
        return count;
    }
}
