using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Fastblock.Roles.Config.Toml;

namespace Fastblock.Roles.Config;

/// <summary>One setting: where it stands in the file, what it may be, and how it gets into and out of the records.</summary>
/// <param name="Section">Section of the file, as in "osd".</param>
/// <param name="Name">Key, its unit at the end, as in "spin_us".</param>
/// <param name="Help">One sentence for fastblock.toml and the documentation.</param>
/// <param name="TrySet">The configuration with the value taken over, or what is wrong with the value.</param>
/// <param name="Show">The value as TOML text.</param>
internal sealed record ConfigKey(string Section, string Name, string Help,
    Func<FastblockConfig, TomlNode, (FastblockConfig Config, string? WhyNot)> TrySet, Func<FastblockConfig, string> Show)
{
    /// <summary>As messages name it: "osd.spin_us".</summary>
    public string FullName => $"{Section}.{Name}";

    public static ConfigKey Text(string section, string name, string help,
        Func<FastblockConfig, string> get, Func<FastblockConfig, string, FastblockConfig> set, Func<string, string?>? check = null) =>
        new(section, name, help,
            (config, node) => node is not TomlScalar { Kind: TomlKind.Text } scalar ? (config, Expected("a text", node))
                : check?.Invoke(scalar.Text) is string whyNot ? (config, whyNot) : (set(config, scalar.Text), null),
            config => Quote(get(config)));

    public static ConfigKey TextList(string section, string name, string help,
        Func<FastblockConfig, IReadOnlyList<string>> get, Func<FastblockConfig, IReadOnlyList<string>, FastblockConfig> set,
        Func<string, string?>? check = null) =>
        new(section, name, help,
            (config, node) =>
            {
                if (node is not TomlArray array) { return (config, Expected("a list of texts", node)); }
                List<string> texts = [];
                foreach (TomlNode item in array.Items)
                {
                    if (item is not TomlScalar { Kind: TomlKind.Text } scalar) { return (config, Expected("a list of texts", item)); }
                    if (check?.Invoke(scalar.Text) is string whyNot) { return (config, whyNot); }
                    texts.Add(scalar.Text);
                }
                return (set(config, texts), null);
            },
            config =>
            {
                List<string> quoted = [];
                foreach (string text in get(config)) { quoted.Add(Quote(text)); }
                return $"[{string.Join(", ", quoted)}]";
            });

    public static ConfigKey Integer(string section, string name, string help, long first, long last,
        Func<FastblockConfig, long> get, Func<FastblockConfig, long, FastblockConfig> set) =>
        new(section, name, help,
            (config, node) => node is not TomlScalar { Kind: TomlKind.Integer } scalar ? (config, Expected("an integer", node))
                : scalar.Integer < first || scalar.Integer > last ? (config, $"must be {first} to {last}, not {scalar.Integer}")
                : (set(config, scalar.Integer), null),
            config => get(config).ToString(CultureInfo.InvariantCulture));

    /// <summary>Bits, written in hex.</summary>
    public static ConfigKey Mask(string section, string name, string help,
        Func<FastblockConfig, ulong> get, Func<FastblockConfig, ulong, FastblockConfig> set) =>
        new(section, name, help,
            (config, node) => node is not TomlScalar { Kind: TomlKind.Integer } scalar ? (config, Expected("a mask such as 0x3", node))
                : scalar.Integer < 0 ? (config, "must not be negative") : (set(config, (ulong)scalar.Integer), null),
            config => $"0x{get(config):x}");

    /// <summary>One of the names of an enum, in lower case.</summary>
    public static ConfigKey Choice<T>(string section, string name, string help,
        Func<FastblockConfig, T> get, Func<FastblockConfig, T, FastblockConfig> set) where T : struct, Enum =>
        new(section, name, help,
            (config, node) => node is TomlScalar { Kind: TomlKind.Text } scalar && TryChoice(scalar.Text, out T value)
                ? (set(config, value), null) : (config, $"must be one of {Choices<T>()}"),
            config => Quote(Lower(get(config))));

    /// <summary>A name of the enum, written in lower case.</summary>
    public static bool TryChoice<T>(string text, out T value) where T : struct, Enum
    {
        foreach (T candidate in Enum.GetValues<T>())
        {
            if (Lower(candidate) == text)
            {
                value = candidate;
                return true;
            }
        }
        value = default;
        return false;
    }

    /// <summary>All names, quoted: "adaptive", "busy".</summary>
    public static string Choices<T>() where T : struct, Enum
    {
        List<string> names = [];
        foreach (T candidate in Enum.GetValues<T>()) { names.Add(Quote(Lower(candidate))); }
        return string.Join(", ", names);
    }

    public static string Lower<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string Expected(string what, TomlNode node) => $"must be {what}, not {node.KindText}";

    /// <summary>A TOML basic string.</summary>
    private static string Quote(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char c in text)
        {
            if (c is '"' or '\\') { quoted.Append('\\').Append(c); }
            else if (char.IsControl(c)) { quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); }
            else { quoted.Append(c); }
        }
        return quoted.Append('"').ToString();
    }
}
