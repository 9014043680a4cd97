namespace Fastblock.Roles.Config.Toml;

/// <summary>How a table came to be, which decides what may still be added to it (TOML 1.0, "Table").</summary>
internal enum TomlTableOrigin : byte
{
    /// <summary>As the parent of a [header]: may get its own header later.</summary>
    Implicit,
    /// <summary>By a [header] or as the root: a second header of the same name is an error.</summary>
    Header,
    /// <summary>By a dotted key: further dotted keys of the same section may add to it, and a header may add sub-tables.</summary>
    Dotted,
    /// <summary>Written as { ... }: complete, nothing may add to it.</summary>
    Inline,
}
