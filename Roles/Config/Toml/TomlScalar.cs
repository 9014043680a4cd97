namespace Fastblock.Roles.Config.Toml;

/// <summary>A value that is neither array nor table. <see cref="Text"/> holds a string's characters, or a date or time in
/// RFC 3339 form with upper-case T and Z.</summary>
internal sealed class TomlScalar : TomlNode
{
    public TomlScalar(TomlKind kind, string text, int line, int column) : base(kind, line, column) => Text = text;

    public TomlScalar(long integer, int line, int column) : base(TomlKind.Integer, line, column) => Integer = integer;

    public TomlScalar(double number, int line, int column) : base(TomlKind.Float, line, column) => Float = number;

    public TomlScalar(bool flag, int line, int column) : base(TomlKind.Boolean, line, column) => Boolean = flag;

    public string Text { get; } = "";
    public long Integer { get; }
    public double Float { get; }
    public bool Boolean { get; }
}
