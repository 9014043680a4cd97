using System.Diagnostics.CodeAnalysis;

namespace Fastblock.Roles.Config;

/// <summary>An image as operators name it: <c>pool/image</c>.</summary>
internal sealed record ImageSpec(string Pool, string Image)
{
    /// <summary>Longest pool or image name, in characters.</summary>
    public const int NameLengthMax = 128;

    /// <summary>Parses "pool/image"; both parts must be valid names.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ImageSpec? spec, out string whyNot)
    {
        spec = null;
        int slash = text.IndexOf('/');
        if (slash < 0)
        {
            whyNot = $"'{text}' is not an image: write pool/image, as in vol/demo";
            return false;
        }
        (string pool, string image) = (text[..slash], text[(slash + 1)..]);
        whyNot = IsName(pool) ? IsName(image) ? "" : $"'{image}' is not an image name: {NameRule}"
            : $"'{pool}' is not a pool name: {NameRule}";
        if (whyNot.Length > 0) { return false; }
        spec = new ImageSpec(pool, image);
        return true;
    }

    /// <summary>As <see cref="TryParse"/>, but a bad text is a usage error.</summary>
    public static ImageSpec Parse(string text) =>
        TryParse(text, out ImageSpec? spec, out string whyNot) ? spec : throw new OperatorException(ExitCode.Usage, whyNot);

    /// <summary>Requires a valid pool or image name.</summary>
    public static string ParseName(string text, string what) =>
        IsName(text) ? text : throw new OperatorException(ExitCode.Usage, $"'{text}' is not a {what} name: {NameRule}");

    private const string NameRule = "letters, digits, '.', '_' and '-', at most 128, not beginning with '.' or '-'";

    /// <summary>Names appear in URLs, file names and tables, so the alphabet is small.</summary>
    public static bool IsName(string text)
    {
        if (text.Length is 0 or > NameLengthMax || text[0] is '.' or '-') { return false; }
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-')) { return false; }
        }
        return true;
    }

    public override string ToString() => $"{Pool}/{Image}";
}
