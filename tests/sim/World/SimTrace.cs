using System;
using System.Globalization;
using System.IO;
using System.Text;

namespace Fastblock.Tests.Sim.World;

/// <summary>What happened: a ring of the last lines for people, a running hash of all of them for the determinism test, and
/// on demand every line in a file.</summary>
internal sealed class SimTrace : IDisposable
{
    private readonly record struct Line(long At, string Where, TraceKind Kind, long A, long B, long C, string? Text);

    private const int RingLines = 400;

    private readonly Line[] _ring = new Line[RingLines];
    private readonly StreamWriter? _file;
    private long _count;

    /// <param name="path">File for every line, or null. Complete at any time: a run that does not end is looked at, too.</param>
    public SimTrace(string? path)
    {
        if (path != null) { _file = new StreamWriter(path) { AutoFlush = true }; }
    }

    /// <summary>Hash of all lines so far: equal for two runs of one seed.</summary>
    public ulong Hash { get; private set; } = 14695981039346656037;

    /// <summary>Lines so far.</summary>
    public long Count => _count;

    /// <summary>True when building a text is worth its price.</summary>
    public bool IsVerbose => _file != null;

    public void Add(long at, string where, TraceKind kind, long a = 0, long b = 0, long c = 0, string? text = null)
    {
        unchecked
        {
            Mix((ulong)at);
            Mix((ulong)kind | ((ulong)where.Length << 8) | ((ulong)(where.Length > 0 ? where[^1] : 0) << 16));
            Mix((ulong)a);
            Mix((ulong)b);
            Mix((ulong)c);
        }
        var line = new Line(at, where, kind, a, b, c, text);
        _ring[_count++ % RingLines] = line;
        _file?.WriteLine(Format(line));
    }

    /// <summary>The last lines, oldest first.</summary>
    public string Tail(int lines)
    {
        var text = new StringBuilder();
        for (long i = Math.Max(0, _count - Math.Min(lines, RingLines)); i < _count; i++)
        {
            _ = text.AppendLine(Format(_ring[i % RingLines]));
        }
        return text.ToString();
    }

    public void Dispose() => _file?.Dispose();

    private void Mix(ulong value)
    {
        unchecked { Hash = (Hash ^ value) * 1099511628211 ^ (Hash >> 29); }
    }

    private static string Format(in Line line) => string.Create(CultureInfo.InvariantCulture,
        $"{line.At / 1e9,14:F9} {line.Where,-10} {line.Kind,-10} {line.A} {line.B} {line.C} {line.Text}");
}
