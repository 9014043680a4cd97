using System;
using System.Globalization;
using System.Text;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Metrics;

/// <summary>Builds Prometheus's text exposition format, version 0.0.4.</summary>
internal sealed class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Upper bounds of the buckets of every latency histogram: 10 us to 10 s, two to three per decade, which is
    /// what dashboards can use; the exact distribution stays in the process.</summary>
    private static readonly double[] BoundsSeconds =
        [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly StringBuilder _text = new();

    /// <summary>The two comment lines above a family of samples.</summary>
    public void Head(string name, string help, string type)
    {
        _text.Append("# HELP ").Append(name).Append(' ').Append(EscapeHelp(help)).Append('\n');
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
    }

    /// <summary>One value; <paramref name="labels"/> is already escaped: a="b",c="d".</summary>
    public void Sample(string name, string labels, double value)
    {
        _text.Append(name);
        if (labels.Length > 0) { _text.Append('{').Append(labels).Append('}'); }
        _text.Append(' ').Append(Number(value)).Append('\n');
    }

    /// <summary>Buckets, sum and count of one histogram. The +Inf bucket and the count are one number, read once, because
    /// a writer may go on counting meanwhile.</summary>
    public void Histogram(string name, string labels, LatencyHistogram histogram)
    {
        long count = histogram.Count;
        double sumSeconds = histogram.SumNanos / (double)Units.NanosPerSecond;
        string comma = labels.Length > 0 ? "," : "";
        foreach (double bound in BoundsSeconds)
        {
            long atMost = Math.Min(count, histogram.CountAtMost((long)(bound * Units.NanosPerSecond)));
            Sample(name + "_bucket", $"{labels}{comma}le=\"{Number(bound)}\"", atMost);
        }
        Sample(name + "_bucket", $"{labels}{comma}le=\"+Inf\"", count);
        Sample(name + "_sum", labels, sumSeconds);
        Sample(name + "_count", labels, count);
    }

    public override string ToString() => _text.ToString();

    /// <summary>A metric or label name: letters, digits and underscores.</summary>
    public static string NameOf(string name)
    {
        StringBuilder result = new(name.Length);
        foreach (char c in name) { result.Append(char.IsAsciiLetterOrDigit(c) ? c : '_'); }
        return result.Length == 0 || char.IsAsciiDigit(result[0]) ? "_" + result : result.ToString();
    }

    public static string EscapeLabel(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string EscapeHelp(string help) => help.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);
}
