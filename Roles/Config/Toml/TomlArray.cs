using System.Collections.Generic;

namespace Fastblock.Roles.Config.Toml;

/// <summary>A list of values. <see cref="IsTableArray"/>: written as [[header]] blocks, so later blocks may append.</summary>
internal sealed class TomlArray(int line, int column, bool isTableArray) : TomlNode(TomlKind.Array, line, column)
{
    public List<TomlNode> Items { get; } = [];
    public bool IsTableArray { get; } = isTableArray;
}
