using System;
using System.Collections.Generic;
using System.IO;

namespace Fastblock.Roles.Config;

/// <summary>A table for a terminal: columns as wide as their longest cell, two spaces between. A heading that begins with
/// '>' sets its column to the right, for numbers.</summary>
internal sealed class TextTable
{
    private readonly bool[] _isRight;
    private readonly List<string[]> _rows = [];

    public TextTable(params string[] headings)
    {
        _isRight = new bool[headings.Length];
        string[] plain = new string[headings.Length];
        for (int i = 0; i < headings.Length; i++)
        {
            _isRight[i] = headings[i].StartsWith('>');
            plain[i] = headings[i].TrimStart('>');
        }
        _rows.Add(plain);
    }

    /// <summary>One line; as many cells as there are headings.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    public void WriteTo(TextWriter output)
    {
        int[] widths = new int[_isRight.Length];
        foreach (string[] row in _rows)
        {
            for (int i = 0; i < widths.Length; i++) { widths[i] = Math.Max(widths[i], row[i].Length); }
        }
        foreach (string[] row in _rows)
        {
            string[] padded = new string[widths.Length];
            for (int i = 0; i < widths.Length; i++) { padded[i] = _isRight[i] ? row[i].PadLeft(widths[i]) : row[i].PadRight(widths[i]); }
            output.WriteLine(string.Join("  ", padded).TrimEnd());
        }
    }
}
