namespace Fastblock.Roles.Config.Toml;

/// <summary>A configuration file is written by hand; everything far beyond that is refused before it costs memory or stack.</summary>
internal static class TomlLimits
{
    /// <summary>Bytes of a file.</summary>
    public const int FileBytesMax = 1 << 20;

    /// <summary>Arrays and inline tables inside each other: the reader recurses once per level.</summary>
    public const int DepthMax = 64;

    /// <summary>Parts of one dotted key.</summary>
    public const int KeyPartsMax = 64;
}
