namespace Fastblock.Roles.Config.Toml;

/// <summary>One value of a document with the place where it stands.</summary>
internal abstract class TomlNode(TomlKind kind, int line, int column)
{
    public TomlKind Kind { get; } = kind;
    public int Line { get; } = line;
    public int Column { get; } = column;

    /// <summary>The type in an operator's words.</summary>
    public string KindText => Kind switch
    {
        TomlKind.Text => "a text",
        TomlKind.Integer => "an integer",
        TomlKind.Float => "a number with a fraction",
        TomlKind.Boolean => "true or false",
        TomlKind.Array => "a list",
        TomlKind.Table => "a section",
        _ => "a date or time",
    };
}
