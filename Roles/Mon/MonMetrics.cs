using System.Collections.Generic;
using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Mon;

/// <summary>What a monitor tells Prometheus. Read at scrape time from another thread: single numbers only, each written by the
/// reactor as a whole.</summary>
internal static class MonMetrics
{
    public static void Register(MetricsRegistry registry, MonServer server)
    {
        KeyValuePair<string, object?>[] labels = [new("mon", server.Id.Value)];
        MonCounters counters = server.Counters;
        registry.AddCounter("fastblock_mon_requests", "Requests received.", () => counters.Requests, labels);
        registry.AddCounter("fastblock_mon_refusals", "Commands refused.", () => counters.Refusals, labels);
        registry.AddCounter("fastblock_mon_transactions", "Changes of the store that were applied.", () => counters.Transactions, labels);
        registry.AddCounter("fastblock_mon_conflicts", "Changes that had to be decided again.", () => counters.Conflicts, labels);
        registry.AddCounter("fastblock_mon_handovers", "Whole stores handed to monitors that were too far behind.", () => counters.HandOvers, labels);
        registry.AddGauge("fastblock_mon_leader", "1 when this monitor leads.", () => counters.IsLeader, labels);
        registry.AddGauge("fastblock_mon_revision", "Revision of the store.", () => counters.Revision, labels);
        registry.AddGauge("fastblock_mon_connections", "Connections of clients, OSDs and tools.", () => counters.Sessions, labels);
        registry.AddGauge("fastblock_mon_queued_commands", "Commands waiting for their turn.", () => counters.Queued, labels);
    }
}
