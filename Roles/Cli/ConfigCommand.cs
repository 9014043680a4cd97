using System;
using System.CommandLine;
using System.Text.Json;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock config show</c>: the effective values.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        ManualCommand config = new("config", "Show the configuration.");
        config.Subcommands.Add(new ManualCommand("show", "Print every setting with its effective value, as a file that can be used as it is.",
            "fastblock config show", "fastblock config show --config /etc/fastblock/fastblock.toml --json").Does(parsed =>
            {
                FastblockConfig effective = CommonOptions.ConfigOf(parsed);
                CommandOutput.Print(parsed.GetValue(CommonOptions.Json), json => WriteJson(json, effective),
                    output => output.Write(ConfigReader.Write(effective)));
                return ExitCode.Ok;
            }));
        return config;
    }

    private static void WriteJson(Utf8JsonWriter json, FastblockConfig config)
    {
        json.WriteStartObject();
        string section = "";
        foreach (ConfigKey key in ConfigSchema.Keys)
        {
            if (key.Section != section)
            {
                if (section.Length > 0) { json.WriteEndObject(); }
                section = key.Section;
                json.WriteStartObject(section);
            }
            json.WritePropertyName(key.Name);
            string value = key.Show(config); // TOML's texts, numbers, booleans and lists are JSON's too, hex numbers are not
            if (value.StartsWith("0x", StringComparison.Ordinal)) { json.WriteStringValue(value); }
            else { json.WriteRawValue(value); }
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
