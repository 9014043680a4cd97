using System;
using System.Collections.Generic;

namespace Fastblock.Roles.Config;

/// <summary>Finds what somebody meant who mistyped a name.</summary>
internal static class NearestName
{
    /// <summary>The candidate with the fewest single-letter edits, or null when none is near: more than a third of the
    /// longer word would have to change.</summary>
    public static string? Of(string word, IEnumerable<string> candidates)
    {
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string candidate in candidates)
        {
            int distance = Distance(word, candidate);
            int limit = Math.Max(1, Math.Max(word.Length, candidate.Length) / 3);
            if (distance <= limit && distance < bestDistance) { (best, bestDistance) = (candidate, distance); }
        }
        return best;
    }

    /// <summary>", did you mean 'x'?" or an empty string, to be put behind an error message.</summary>
    public static string Hint(string word, IEnumerable<string> candidates) =>
        Of(word, candidates) is string nearest ? $"; did you mean '{nearest}'?" : "";

    /// <summary>Edits from one word to the other: a letter more, less or different, or two neighbours swapped (optimal string
    /// alignment). Words beyond 64 letters are cut, nobody mistypes those.</summary>
    private static int Distance(string a, string b)
    {
        ReadOnlySpan<char> x = a.AsSpan(0, Math.Min(a.Length, 64)), y = b.AsSpan(0, Math.Min(b.Length, 64));
        Span<int> twoAbove = stackalloc int[65], above = stackalloc int[65], row = stackalloc int[65];
        for (int j = 0; j <= y.Length; j++) { row[j] = j; }
        for (int i = 1; i <= x.Length; i++)
        {
            above.CopyTo(twoAbove);
            row.CopyTo(above);
            row[0] = i;
            for (int j = 1; j <= y.Length; j++)
            {
                int substituted = above[j - 1] + (x[i - 1] == y[j - 1] ? 0 : 1);
                row[j] = Math.Min(substituted, Math.Min(above[j], row[j - 1]) + 1);
                bool isSwap = i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1];
                if (isSwap) { row[j] = Math.Min(row[j], twoAbove[j - 2] + 1); }
            }
        }
        return row[y.Length];
    }
}
