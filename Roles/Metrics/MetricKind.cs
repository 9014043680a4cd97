namespace Fastblock.Roles.Metrics;

/// <summary>What a metric means to Prometheus.</summary>
internal enum MetricKind : byte
{
    /// <summary>Only grows while the process lives; its name ends in _total.</summary>
    Counter,
    /// <summary>Goes up and down.</summary>
    Gauge,
}
