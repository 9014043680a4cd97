using System;
using System.IO;
using System.Text.Json;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>With --json every command prints exactly one JSON document, with what its text says.</summary>
[Collection(E2eCollection.Name)]
public sealed class JsonTests
{
    [Fact]
    public void Every_command_prints_one_document()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "4");
        JsonElement Run(string line) => cluster.Cli([.. line.Split(' '), "--json"]).Json();
        Assert.Equal(3, Run("status").GetProperty("osds").GetInt32());
        Assert.StartsWith("HEALTH_", Run("health").GetProperty("status").GetString(), StringComparison.Ordinal);
        Assert.Equal(3, Run("df").GetProperty("osds").GetArrayLength());
        Assert.Equal(3, Run("osd ls").GetArrayLength());
        Assert.Equal(3, Run("osd tree").GetArrayLength());
        Assert.Equal("scratch", Run("pool create scratch --replicas 1 --failure-domain osd --pgs 2").GetProperty("name").GetString());
        Assert.Equal(2, Run("pool ls").GetArrayLength());
        Assert.Equal("scratch", Run("pool rm scratch").GetProperty("removed").GetString());
        Assert.Equal(1 << 20, Run("image create vol/a --size 1M").GetProperty("size_bytes").GetInt64());
        JsonElement resized = Run("image resize vol/a --size 2M");
        Assert.Equal(("vol/a", 2 << 20), (resized.GetProperty("resized").GetString(), resized.GetProperty("size_bytes").GetInt64()));
        JsonElement renamed = Run("image rename vol/a b");
        Assert.Equal(("vol/a", "vol/b"), (renamed.GetProperty("renamed").GetString(), renamed.GetProperty("image").GetString()));
        Assert.Equal(2, Run("image ls vol").GetArrayLength());
        Assert.Equal("b", Run("image info vol/b").GetProperty("name").GetString());
        Assert.Equal(0, Run("image du vol/b").GetProperty("used_bytes").GetInt64());
        JsonElement removed = Run("image rm vol/b");
        Assert.Equal("vol/b", removed.GetProperty("removed").GetString());
        Assert.Contains("freed in the background by 4 PGs", removed.GetProperty("pending").GetString(), StringComparison.Ordinal);
        Assert.Equal("vol/demo", Run("session ls")[0].GetProperty("image").GetString());
        Assert.Equal(4, Run("pg ls vol").GetArrayLength());
        Assert.Equal(JsonValueKind.Object, Run("pg map vol/demo").ValueKind);
        Assert.Equal(JsonValueKind.Object, Run("config show").ValueKind);
        JsonElement level = Run("log level osd.0 info --poll adaptive");
        Assert.Equal(("info", "adaptive"), (level.GetProperty("level").GetString(), level.GetProperty("poll").GetString()));
        _ = Run("fsck --compare");
        // What has quotes in it is readable as it is.
        cluster.Kill("osd.2");
        Shell.Until("the OSD to be down", () => Run("status").GetProperty("osds_up").GetInt32() == 2);
        Assert.Contains("'fastblock osd'", cluster.Cli("health", "--json").Ok().Output, StringComparison.Ordinal);

        cluster.Stop();
        string device = Path.Combine(cluster.Root, "osd.0.img");
        foreach (string command in (string[])["inspect", "fsck"])
        {
            JsonElement label = Shell.Fastblock(command, device, "--json").Json()[0];
            Assert.Equal("label", label.GetProperty("kind").GetString());
            Assert.Equal(256L << 20, label.GetProperty("device_bytes").GetInt64());
            Assert.Equal(JsonValueKind.String, label.GetProperty("cluster").ValueKind);
        }
        Assert.Contains("stopping", File.ReadAllText(Path.Combine(cluster.Root, "logs", "osd.0.log")), StringComparison.Ordinal);
    }
}
