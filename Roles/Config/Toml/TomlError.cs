namespace Fastblock.Roles.Config.Toml;

/// <summary>Where a file is wrong, and how. Line and column count from 1; the column counts UTF-16 units.</summary>
internal sealed record TomlError(int Line, int Column, string Text)
{
    public override string ToString() => $"line {Line}, column {Column}: {Text}";
}
