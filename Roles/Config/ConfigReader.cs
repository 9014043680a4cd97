using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Fastblock.Roles.Config.Toml;

namespace Fastblock.Roles.Config;

/// <summary>From a TOML file to checked records, and back to text.</summary>
internal static class ConfigReader
{
    /// <summary>Reads a file. Everything that is wrong in it is reported at once, each with its line.</summary>
    public static FastblockConfig Load(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            ExitCode code = failure is UnauthorizedAccessException ? ExitCode.Permission : ExitCode.Usage;
            throw new OperatorException(code, $"configuration file '{path}' cannot be read: {failure.Message}");
        }
        (FastblockConfig config, IReadOnlyList<TomlError> mistakes) = Read(bytes);
        if (mistakes.Count == 0) { return config; }
        StringBuilder text = new();
        foreach (TomlError mistake in mistakes) { text.Append($"{path}:{mistake.Line}:{mistake.Column}: {mistake.Text}\n"); }
        throw new OperatorException(ExitCode.Usage, text.ToString().TrimEnd());
    }

    /// <summary>The configuration of a document and all that is wrong with it, in the order of the file.</summary>
    public static (FastblockConfig Config, IReadOnlyList<TomlError> Mistakes) Read(ReadOnlySpan<byte> utf8)
    {
        FastblockConfig config = new();
        if (!TomlReader.TryRead(utf8, out TomlTable? document, out TomlError? error)) { return (config, [error]); }
        List<TomlError> mistakes = [];
        foreach (string section in document.Names)
        {
            _ = document.TryGet(section, out TomlNode? node);
            List<string> keyNames = KeysOf(section);
            if (keyNames.Count == 0)
            {
                mistakes.Add(new TomlError(node!.Line, node.Column, $"unknown section [{section}]{NearestName.Hint(section, Sections())}"));
            }
            else if (node is TomlTable table) { config = ReadSection(config, section, table, keyNames, mistakes); }
            else { mistakes.Add(new TomlError(node!.Line, node.Column, $"[{section}] is a section, not {node.KindText}")); }
        }
        return (config, mistakes);
    }

    /// <summary>The whole configuration as a document that <see cref="Read"/> reads back to the same values.</summary>
    public static string Write(FastblockConfig config)
    {
        StringBuilder text = new();
        string section = "";
        foreach (ConfigKey key in ConfigSchema.Keys)
        {
            if (key.Section != section)
            {
                section = key.Section;
                text.Append(text.Length > 0 ? "\n" : "").Append($"[{section}]\n");
            }
            text.Append($"{key.Name} = {key.Show(config)}\n");
        }
        return text.ToString();
    }

    private static FastblockConfig ReadSection(FastblockConfig config, string section, TomlTable table, List<string> keyNames, List<TomlError> mistakes)
    {
        foreach (string name in table.Names)
        {
            _ = table.TryGet(name, out TomlNode? node);
            ConfigKey? key = Find(section, name);
            string? whyNot;
            if (key is null) { whyNot = $"unknown key '{name}' in [{section}]{NearestName.Hint(name, keyNames)}"; }
            else
            {
                (config, whyNot) = key.TrySet(config, node!);
                whyNot = whyNot is null ? null : $"{key.FullName}: {whyNot}";
            }
            if (whyNot is not null) { mistakes.Add(new TomlError(node!.Line, node.Column, whyNot)); }
        }
        return config;
    }

    private static ConfigKey? Find(string section, string name)
    {
        foreach (ConfigKey key in ConfigSchema.Keys)
        {
            if (key.Section == section && key.Name == name) { return key; }
        }
        return null;
    }

    private static List<string> KeysOf(string section)
    {
        List<string> names = [];
        foreach (ConfigKey key in ConfigSchema.Keys)
        {
            if (key.Section == section) { names.Add(key.Name); }
        }
        return names;
    }

    private static SortedSet<string> Sections()
    {
        SortedSet<string> sections = new(StringComparer.Ordinal);
        foreach (ConfigKey key in ConfigSchema.Keys) { sections.Add(key.Section); }
        return sections;
    }
}
