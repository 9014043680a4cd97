using Fastblock.Roles.Client;
using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Nbd;

/// <summary>What an NBD server tells Prometheus. docs/operations.md lists the names.</summary>
internal static class NbdMetrics
{
    public static MetricsRegistry Register(NbdServer server, ImageClient image)
    {
        MetricsRegistry metrics = new();
        NbdStats nbd = server.Stats;
        ImageClientStats client = image.Stats;
        metrics.AddCounter("fastblock_nbd_connections", "Clients accepted.", () => nbd.Connections);
        metrics.AddGauge("fastblock_nbd_clients", "Clients connected now.", () => server.Connections);
        metrics.AddCounter("fastblock_nbd_reads", "Read commands.", () => nbd.Reads);
        metrics.AddCounter("fastblock_nbd_read_bytes", "Bytes read by clients.", () => nbd.ReadBytes);
        metrics.AddCounter("fastblock_nbd_writes", "Write and write-zeroes commands.", () => nbd.Writes);
        metrics.AddCounter("fastblock_nbd_written_bytes", "Bytes of data written by clients.", () => nbd.WrittenBytes);
        metrics.AddHistogram("fastblock_nbd_read_latency", "From the arrival of a read command to its answer.", nbd.ReadLatency);
        metrics.AddHistogram("fastblock_nbd_write_latency", "From the arrival of a write or write-zeroes command to its answer.", nbd.WriteLatency);
        metrics.AddCounter("fastblock_nbd_flushes", "Flush commands.", () => nbd.Flushes);
        metrics.AddCounter("fastblock_nbd_trims", "Trim commands.", () => nbd.Trims);
        metrics.AddCounter("fastblock_nbd_block_statuses", "Block status commands.", () => nbd.BlockStatuses);
        metrics.AddCounter("fastblock_nbd_errors", "Commands answered with an error.", () => nbd.Errors);
        metrics.AddCounter("fastblock_nbd_protocol_errors", "Connections closed because of what the client sent.", () => nbd.ProtocolErrors);
        metrics.AddCounter("fastblock_client_requests", "Requests sent to OSDs, repetitions included.", () => client.Sent);
        metrics.AddCounter("fastblock_client_repeated_requests", "Requests sent to OSDs again.", () => client.Resent);
        metrics.AddCounter("fastblock_client_timeouts", "Requests that were not answered in time.", () => client.TimedOut);
        metrics.AddCounter("fastblock_client_redirects", "Answers of OSDs that do not lead the PG.", () => client.Redirected);
        metrics.AddCounter("fastblock_client_checksum_errors", "Payloads that were damaged on the way.",
            () => client.ReadChecksumErrors + client.WriteChecksumErrors);
        metrics.AddGauge("fastblock_client_io_in_flight", "I/Os submitted and not completed.", () => image.Outstanding);
        return metrics;
    }
}
