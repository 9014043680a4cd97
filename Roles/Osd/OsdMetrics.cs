using System.Collections.Generic;
using Fastblock.Net.Transport;
using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Osd;

/// <summary>What an OSD tells Prometheus: the shards' own plain counters, read at scrape time.</summary>
internal static class OsdMetrics
{
    /// <summary>Begins to serve; null when <paramref name="address"/> is empty.</summary>
    public static MetricsServer? TryServe(OsdServer server, MetricsRegistry registry, string address)
    {
        server.OnStarted = () => Register(registry, server);
        return MetricsEndpoint.TryServe(address, registry, () => HealthOf(server));
    }

    private static (bool IsHealthy, string Text) HealthOf(OsdServer server) =>
        server.Failure != Native.Base.Errno.None ? (false, $"failed: {server.Failure}")
        : server.WaitsFor is { Length: > 0 } why ? (false, $"the monitors do not let this OSD in yet: {why}") : (true, "ok");

    private static void Register(MetricsRegistry registry, OsdServer server)
    {
        foreach (OsdShard shard in server.Shards)
        {
            KeyValuePair<string, object?>[] labels =
            [
                new("osd", server.Identity!.Id.Value),
                new("shard", shard.Index),
            ];
            OsdCounters counters = shard.Counters;
            registry.AddCounter("fastblock_osd_reads", "Reads answered.", () => counters.Reads, labels);
            registry.AddHistogram("fastblock_osd_read_latency", "From the arrival of a read to its answer.", counters.ReadLatency, labels);
            registry.AddHistogram("fastblock_osd_write_latency", "From the arrival of a write to its answer: merged, replicated, applied.",
                counters.WriteLatency, labels);
            registry.AddCounter("fastblock_osd_read_bytes", "Bytes of reads answered.", () => counters.ReadBytes, labels);
            registry.AddCounter("fastblock_osd_writes", "Writes, discards and session changes acknowledged.", () => counters.Writes, labels);
            registry.AddCounter("fastblock_osd_write_bytes", "Bytes of writes acknowledged.", () => counters.WriteBytes, labels);
            registry.AddCounter("fastblock_osd_checksum_mismatches", "Writes that arrived damaged.", () => counters.ChecksumMismatches, labels);
            registry.AddCounter("fastblock_osd_read_errors", "Blocks that the device did not give back undamaged.", () => counters.ReadErrors, labels);
            registry.AddCounter("fastblock_osd_repaired_blocks", "Damaged blocks that were written anew from another replica.", () => counters.RepairedBlocks, labels);
            registry.AddCounter("fastblock_osd_reads_from_peers", "Reads of damaged blocks answered from another replica.", () => counters.ReadsFromPeers, labels);
            registry.AddGauge("fastblock_osd_damaged_blocks", "Blocks known to be damaged and not repaired yet.", () => shard.Repairs.Known, labels);
            registry.AddGauge("fastblock_osd_unrepairable_blocks", "Damaged blocks of which no replica has a good copy.", () => shard.Repairs.Hopeless, labels);
            registry.AddCounter("fastblock_osd_scrubbed_bytes", "Data read and checked for scrubs.", () => counters.ScrubbedBytes, labels);
            registry.AddCounter("fastblock_osd_scrubbed_objects", "Objects that scrubs led by this OSD compared.", () => counters.ScrubbedObjects, labels);
            registry.AddCounter("fastblock_osd_scrub_differences", "Objects whose replicas differ although each matches its checksums.", () => counters.ScrubDifferences, labels);
            registry.AddCounter("fastblock_osd_recovered_objects", "Objects taken over from other replicas.", () => counters.RecoveredObjects, labels);
            TransportCounters net = shard.Transport.Counters;
            registry.AddCounter("fastblock_osd_net_frames_sent", "Messages sent, to peers, clients and monitors.", () => net.FramesSent, labels);
            registry.AddCounter("fastblock_osd_net_frames_received", "Messages received.", () => net.FramesReceived, labels);
            registry.AddCounter("fastblock_osd_net_sent_bytes", "Bytes of the messages sent.", () => net.BytesSent, labels);
            registry.AddGauge("fastblock_osd_size_bytes", "Room for data.", () => shard.Objects.TotalBytes, labels);
            registry.AddGauge("fastblock_osd_used_bytes", "Room taken, by data that lies in the log still as well.", () => shard.Objects.HeldBytes, labels);
            registry.AddGauge("fastblock_osd_log_size_bytes", "Size of the log.", () => shard.SharedLog.TotalBytes, labels);
            registry.AddGauge("fastblock_osd_log_used_bytes", "Log that cannot be re-used yet.", () => shard.SharedLog.UsedBytes, labels);
            registry.AddGauge("fastblock_osd_pgs", "Placement groups with a replica here.", () => shard.Pgs.Count, labels);
        }
    }
}
