namespace Fastblock.Roles.Cluster;

/// <summary>Names of pools and images: 1 to 64 of letters, digits, '.', '_' and '-', beginning with a letter or digit.
/// No separators, so that "pool/image" and file names made of them are unambiguous.</summary>
internal static class Names
{
    public const string Rule = "use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit";

    public static bool IsValid(string name)
    {
        if (name.Length is 0 or > ClusterLimits.MaxNameChars || !char.IsAsciiLetterOrDigit(name[0])) { return false; }
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-')) { return false; }
        }
        return true;
    }

    /// <summary>Splits "pool/image".</summary>
    public static bool TrySplit(string spec, out string pool, out string image)
    {
        int slash = spec.IndexOf('/', System.StringComparison.Ordinal);
        pool = slash < 0 ? "" : spec[..slash];
        image = slash < 0 ? "" : spec[(slash + 1)..];
        return IsValid(pool) && IsValid(image);
    }
}
