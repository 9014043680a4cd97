using System;
using System.Buffers;
using System.IO;
using System.Text.Json;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cli;
using Fastblock.Roles.Config;
using Google.Protobuf;
using Xunit;

namespace Fastblock.Tests.Unit.Cli;

public sealed class OutputTests
{
    [Fact]
    public void Columns_are_as_wide_as_their_longest_cell_and_numbers_stand_right()
    {
        TextTable table = new("NAME", ">SIZE", "STATE");
        table.Add("a", "1 GiB", "up");
        table.Add("long-name", "10 GiB", "");
        StringWriter output = new() { NewLine = "\n" };
        table.WriteTo(output);
        Assert.Equal("NAME         SIZE  STATE\na           1 GiB  up\nlong-name  10 GiB\n", output.ToString());
    }

    [Fact]
    public void Health_says_what_is_wrong_and_what_to_do()
    {
        StringWriter output = new() { NewLine = "\n" };
        HealthCommand.WriteText(output, SampleHealth());
        Assert.Equal("HEALTH_WARN\n[WARN] OSD_DOWN: 1 osds down\n    osd.2 on host b\n    what to do: start it\n", output.ToString());
    }

    [Fact]
    public void Status_is_valid_json_with_the_promised_keys()
    {
        StatusResult status = new()
        {
            ClusterUuid = ByteString.CopyFrom(new byte[16]),
            Health = SampleHealth(),
            Osds = 3,
            OsdsUp = 2,
            Pgs = 64,
            PgsActive = 64,
            PgsClean = 10,
            SizeBytes = 1 << 30,
        };
        status.Mons.Add(new MonStatus { Id = 0, Address = "127.0.0.1:7300", Leader = true, InQuorum = true });
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer)) { StatusCommand.WriteJson(json, status); }
        using JsonDocument document = JsonDocument.Parse(buffer.WrittenMemory);
        Assert.Equal(64, document.RootElement.GetProperty("pgs_active").GetInt32());
        Assert.Equal("HEALTH_WARN", document.RootElement.GetProperty("health").GetProperty("status").GetString());
        Assert.True(document.RootElement.GetProperty("mons")[0].GetProperty("leader").GetBoolean());

        StringWriter text = new();
        StatusCommand.WriteText(text, status);
        Assert.Contains("osd:     3 osds: 2 up", text.ToString(), StringComparison.Ordinal);
    }

    private static HealthResult SampleHealth()
    {
        HealthResult health = new() { Level = HealthLevel.HealthWarn };
        HealthItem item = new() { Level = HealthLevel.HealthWarn, Code = "OSD_DOWN", Summary = "1 osds down", Advice = "start it" };
        item.Details.Add("osd.2 on host b");
        health.Items.Add(item);
        return health;
    }
}
