using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;

namespace Fastblock.Roles.Metrics;

/// <summary>The metrics of one process, on System.Diagnostics.Metrics. Nothing here is on an I/O path: a reactor counts in
/// plain fields of its own, and what is registered reads them at scrape time from the scraping thread, so a value may be
/// a moment old. Register at start; read by <see cref="WriteText"/>, one scrape at a time.</summary>
internal sealed class MetricsRegistry : IDisposable
{
    private readonly object _lock = new();
    private readonly Meter _meter = new("fastblock");
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly List<HistogramFamily> _histograms = [];

    public MetricsRegistry()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // The runtime's own meter tells about garbage collections, memory and CPU.
            if (ReferenceEquals(instrument.Meter, _meter) || instrument.Meter.Name == "System.Runtime") { listener.EnableMeasurementEvents(instrument); }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Collect(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Collect(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Collect(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>A count that only grows. <paramref name="name"/> as in "fastblock_osd_client_operations" (the _total is
    /// added); the same name may be registered again with other labels.</summary>
    public void AddCounter(string name, string help, Func<long> read, params KeyValuePair<string, object?>[] labels) =>
        Add(name + "_total", help, MetricKind.Counter, () => read(), labels);

    /// <summary>A value that goes up and down, with its unit at the end of the name: "fastblock_osd_size_bytes".</summary>
    public void AddGauge(string name, string help, Func<double> read, params KeyValuePair<string, object?>[] labels) =>
        Add(name, help, MetricKind.Gauge, read, labels);

    /// <summary>Durations; <paramref name="name"/> as in "fastblock_osd_write_latency" (the _seconds is added). The histogram
    /// stays with its writer.</summary>
    public void AddHistogram(string name, string help, LatencyHistogram histogram, params KeyValuePair<string, object?>[] labels)
    {
        lock (_lock) { _histograms.Add(new HistogramFamily(name + "_seconds", help, LabelText(labels), histogram)); }
    }

    /// <summary>Everything in Prometheus's text format 0.0.4.</summary>
    public void WriteText(PrometheusText text)
    {
        lock (_lock)
        {
            foreach (Family family in _families.Values) { family.Samples.Clear(); }
            _listener.RecordObservableInstruments();
            foreach ((string name, Family family) in _families)
            {
                if (family.Samples.Count == 0) { continue; }
                text.Head(name, family.Help, family.Kind == MetricKind.Counter ? "counter" : "gauge");
                foreach ((string labels, double value) in family.Samples) { text.Sample(name, labels, value); }
            }
            string last = "";
            _histograms.Sort((a, b) => string.CompareOrdinal(a.Name + a.Labels, b.Name + b.Labels));
            foreach (HistogramFamily histogram in _histograms)
            {
                if (histogram.Name != last) { text.Head(histogram.Name, histogram.Help, "histogram"); }
                last = histogram.Name;
                text.Histogram(histogram.Name, histogram.Labels, histogram.Histogram);
            }
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
    }

    private void Add(string name, string help, MetricKind kind, Func<double> read, KeyValuePair<string, object?>[] labels)
    {
        Family family;
        lock (_lock)
        {
            if (_families.TryGetValue(name, out Family? known))
            {
                known.Readers.Add((read, labels));
                return;
            }
            family = new Family(help, kind);
            family.Readers.Add((read, labels));
            _families.Add(name, family);
        }
        if (kind == MetricKind.Counter) { _ = _meter.CreateObservableCounter(name, family.Measure, unit: null, help); }
        else { _ = _meter.CreateObservableGauge(name, family.Measure, unit: null, help); }
    }

    /// <summary>Called under the lock, by the listener, while it records.</summary>
    private void Collect(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string name = instrument.Name;
        if (!_families.TryGetValue(name, out Family? family))
        {
            // The runtime's: "dotnet.gc.collections" with unit "{collection}" or "By" or "s".
            bool isCounter = instrument is ObservableCounter<long> or ObservableCounter<double> or ObservableCounter<int>;
            if (!instrument.IsObservable) { return; }
            string unit = instrument.Unit switch { "By" => "_bytes", "s" => "_seconds", _ => "" };
            name = PrometheusText.NameOf(name);
            if (name.EndsWith("_count", StringComparison.Ordinal)) { name = name[..^6] + "_current"; } // _count belongs to histograms
            name += unit + (isCounter ? "_total" : "");
            if (!_families.TryGetValue(name, out family))
            {
                family = new Family(instrument.Description ?? name, isCounter ? MetricKind.Counter : MetricKind.Gauge);
                _families.Add(name, family);
            }
        }
        family.Samples.Add((LabelText(tags), value));
    }

    private static string LabelText(ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        List<string> parts = [];
        foreach ((string name, object? value) in labels)
        {
            parts.Add($"{PrometheusText.NameOf(name)}=\"{PrometheusText.EscapeLabel(value?.ToString() ?? "")}\"");
        }
        return string.Join(",", parts);
    }

    private sealed class Family(string help, MetricKind kind)
    {
        public string Help { get; } = help;
        public MetricKind Kind { get; } = kind;
        public List<(Func<double> Read, KeyValuePair<string, object?>[] Labels)> Readers { get; } = [];
        public List<(string Labels, double Value)> Samples { get; } = [];

        public List<Measurement<double>> Measure()
        {
            List<Measurement<double>> measurements = [];
            foreach ((Func<double> read, KeyValuePair<string, object?>[] labels) in Readers) { measurements.Add(new Measurement<double>(read(), labels)); }
            return measurements;
        }
    }

    private sealed record HistogramFamily(string Name, string Help, string Labels, LatencyHistogram Histogram);
}
