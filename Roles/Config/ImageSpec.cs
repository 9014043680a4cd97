using System.Diagnostics.CodeAnalysis;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Config;

/// <summary>An image as operators name it: <c>pool/image</c>.</summary>
internal sealed record ImageSpec(string Pool, string Image)
{
    /// <summary>Parses "pool/image"; both parts must be valid names.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ImageSpec? spec)
    {
        spec = Names.TrySplit(text, out string pool, out string image) ? new ImageSpec(pool, image) : null;
        return spec is not null;
    }

    /// <summary>As <see cref="TryParse"/>, but a bad text is a usage error.</summary>
    public static ImageSpec Parse(string text) => TryParse(text, out ImageSpec? spec) ? spec
        : throw new OperatorException(ExitCode.Usage, $"'{text}' is not an image: write pool/image, as in vol/demo ({Names.Rule})");

    /// <summary>Requires a valid pool or image name; <paramref name="what"/> says which.</summary>
    public static string ParseName(string text, string what) => Names.IsValid(text) ? text
        : throw new OperatorException(ExitCode.Usage, $"'{text}' is not a {what} name: {Names.Rule}");

    public override string ToString() => $"{Pool}/{Image}";
}
