using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;
using Fastblock.Roles.Config.Toml;
using Xunit;

namespace Fastblock.Tests.Unit.Config;

public sealed class ConfigTests
{
    [Fact]
    public void Values_of_the_file_replace_the_defaults_and_nothing_else()
    {
        FastblockConfig config = Read("[cluster]\nmons = [\"10.0.0.1:7300\", \"[::1]:7300\"]\n[osd]\npoll = \"busy\"\ncore_mask = 0x6\n[log]\nlevel = \"debug\"\n");
        Assert.Equal(["10.0.0.1:7300", "[::1]:7300"], config.Cluster.Mons);
        Assert.Equal(WaitStrategy.Busy, config.Osd.Poll);
        Assert.Equal(6UL, config.Osd.CoreMask);
        Assert.Equal(LogLevel.Debug, config.Log.Level);
        Assert.Equal(new FastblockConfig().Nbd.Listen, config.Nbd.Listen);
        Assert.Equal(new FastblockConfig().Osd.SpinMicros, config.Osd.SpinMicros);
    }

    [Fact]
    public void All_mistakes_are_reported_at_once_with_line_and_nearest_name()
    {
        (_, IReadOnlyList<TomlError> mistakes) = ConfigReader.Read(Encoding.UTF8.GetBytes("""
            [osd]
            spin_uss = 20
            poll = "lazy"
            spin_us = "20"
            public_address = "nowhere:x"
            [ods]
            device = "x"
            [log]
            level = 3
            [nbd]
            listen = ["127.0.0.1:1", 5]
            """));
        string[] texts = new string[mistakes.Count];
        for (int i = 0; i < texts.Length; i++) { texts[i] = mistakes[i].ToString(); }
        Assert.Equal(7, texts.Length);
        Assert.StartsWith("line 2, column 12: unknown key 'spin_uss' in [osd]; did you mean 'spin_us'?", texts[0], StringComparison.Ordinal);
        Assert.Contains("\"adaptive\", \"busy\", \"sleep\"", texts[1], StringComparison.Ordinal);
        Assert.Contains("osd.spin_us: must be an integer, not a text", texts[2], StringComparison.Ordinal);
        Assert.StartsWith("line 5,", texts[3], StringComparison.Ordinal);
        Assert.Contains("unknown section [ods]; did you mean 'osd'?", texts[4], StringComparison.Ordinal);
        Assert.StartsWith("line 9,", texts[5], StringComparison.Ordinal);
        Assert.StartsWith("line 11,", texts[6], StringComparison.Ordinal);
    }

    [Fact]
    public void What_config_show_prints_is_read_back_to_the_same_values()
    {
        FastblockConfig config = Read("[cluster]\nmons = [\"10.0.0.1:1\"]\n[osd]\ndevice = \"/a \\\"b\\\" \\\\ \\u0007\"\ncore_mask = 0xff\n");
        string written = ConfigReader.Write(config);
        Assert.Equal(written, ConfigReader.Write(Read(written)));
        Assert.Equal("/a \"b\" \\ \u0007", Read(written).Osd.Device);
    }

    [Fact]
    public void The_sample_file_names_every_setting_with_its_default()
    {
        string path = RepositoryFiles.PathOf("fastblock.toml");
        GeneratedParts.CheckFile(path, SampleFile());
        Assert.Equal(ConfigReader.Write(new FastblockConfig()), ConfigReader.Write(Read(File.ReadAllText(path))));
    }

    [Fact]
    public void The_operations_document_explains_every_setting()
    {
        StringBuilder table = new("| setting | default | meaning |\n|---|---|---|\n");
        foreach (ConfigKey key in ConfigSchema.Keys) { table.Append($"| `{key.FullName}` | `{key.Show(new FastblockConfig())}` | {key.Help} |\n"); }
        GeneratedParts.CheckPart(RepositoryFiles.PathOf("docs", "operations.md"), "settings", table.ToString());
    }

    [Fact]
    public void A_missing_file_is_a_usage_error_that_names_it()
    {
        OperatorException mistake = Assert.Throws<OperatorException>(() => ConfigReader.Load("/nowhere/fastblock.toml"));
        Assert.Equal(ExitCode.Usage, mistake.Code);
        Assert.Contains("/nowhere/fastblock.toml", mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_are_unique_and_numbers_carry_their_unit()
    {
        HashSet<string> names = [];
        foreach (ConfigKey key in ConfigSchema.Keys)
        {
            Assert.True(names.Add(key.FullName), key.FullName);
            Assert.EndsWith(".", key.Help, StringComparison.Ordinal);
        }
    }

    private static FastblockConfig Read(string text)
    {
        (FastblockConfig config, IReadOnlyList<TomlError> mistakes) = ConfigReader.Read(Encoding.UTF8.GetBytes(text));
        Assert.Empty(mistakes);
        return config;
    }

    private static string SampleFile()
    {
        StringBuilder text = new("""
            # fastblock.toml: the settings of all roles, with their defaults. Every line may be left out.
            # TOML 1.0. An unknown key is an error. Where a command-line option says the same, the option wins.
            # Looked for in: --config FILE, $FASTBLOCK_CONFIG, ./fastblock.toml, /etc/fastblock/fastblock.toml.

            """);
        string section = "";
        FastblockConfig defaults = new();
        foreach (ConfigKey key in ConfigSchema.Keys)
        {
            if (key.Section != section)
            {
                section = key.Section;
                text.Append($"\n[{section}]\n");
            }
            text.Append($"# {key.Help}\n{key.Name} = {key.Show(defaults)}\n");
        }
        return text.ToString();
    }
}
