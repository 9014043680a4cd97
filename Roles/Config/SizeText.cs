using System;
using System.Globalization;

namespace Fastblock.Roles.Config;

/// <summary>Sizes as operators write them: a number with an optional K, M, G, T or P (powers of 1024, as in rbd;
/// "KiB" and "KB" mean the same), no suffix = bytes.</summary>
internal static class SizeText
{
    private const string Suffixes = "KMGTP";

    /// <summary>Parses "4096", "4k", "1.5G", "512MiB". False when it is not a size, is negative, overflows, or is not a
    /// whole number of bytes.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        ReadOnlySpan<char> digits = text.AsSpan().Trim();
        if (digits.EndsWith("iB", StringComparison.OrdinalIgnoreCase)) { digits = digits[..^2]; }
        else if (digits.Length > 1 && (digits[^1] is 'B' or 'b')) { digits = digits[..^1]; }
        long unit = 1;
        if (digits.Length > 0)
        {
            int power = Suffixes.IndexOf(char.ToUpperInvariant(digits[^1]), StringComparison.Ordinal);
            if (power >= 0)
            {
                unit = 1L << (10 * (power + 1));
                digits = digits[..^1];
            }
        }
        if (!decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)) { return false; }
        if (number > long.MaxValue / unit) { return false; }
        decimal value = number * unit;
        if (value != decimal.Truncate(value)) { return false; }
        bytes = (long)value;
        return true;
    }

    /// <summary>As <see cref="TryParse"/>, but a bad text is a usage error that names <paramref name="what"/>.</summary>
    public static long Parse(string text, string what) => TryParse(text, out long bytes) ? bytes
        : throw new OperatorException(ExitCode.Usage, $"{what}: '{text}' is not a size (examples: 512M, 10G, 1.5T)");

    /// <summary>Short text for tables: at most one decimal, "1.5 GiB".</summary>
    public static string Format(long bytes)
    {
        if (bytes < 1024) { return $"{bytes} B"; }
        double value = bytes;
        int power = -1;
        while (value >= 1023.95 && power < Suffixes.Length - 1)
        {
            value /= 1024;
            power++;
        }
        string number = value.ToString("0.#", CultureInfo.InvariantCulture);
        return $"{number} {Suffixes[power]}iB";
    }

    /// <summary>Exact text that <see cref="TryParse"/> reads back, for configuration files: "64M", "4100".</summary>
    public static string FormatExact(long bytes)
    {
        int power = -1;
        while (bytes != 0 && bytes % 1024 == 0 && power < Suffixes.Length - 1)
        {
            bytes /= 1024;
            power++;
        }
        return power < 0 ? bytes.ToString(CultureInfo.InvariantCulture)
            : bytes.ToString(CultureInfo.InvariantCulture) + Suffixes[power];
    }
}
