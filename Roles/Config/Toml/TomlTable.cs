using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;

namespace Fastblock.Roles.Config.Toml;

/// <summary>Named values in the order of the file.</summary>
internal sealed class TomlTable(TomlTableOrigin origin, int line, int column) : TomlNode(TomlKind.Table, line, column)
{
    private readonly Dictionary<string, TomlNode> _byName = [];

    /// <summary>How it came to be: decides who may still add to it.</summary>
    public TomlTableOrigin Origin { get; set; } = origin;

    /// <summary>Names in the order of the file.</summary>
    public List<string> Names { get; } = [];

    public bool TryGet(string name, [NotNullWhen(true)] out TomlNode? node) => _byName.TryGetValue(name, out node);

    /// <summary>False when the name is taken.</summary>
    public bool TryAdd(string name, TomlNode node)
    {
        if (!_byName.TryAdd(name, node)) { return false; }
        Names.Add(name);
        return true;
    }
}
