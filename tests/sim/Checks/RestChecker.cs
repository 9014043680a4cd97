using Fastblock.Roles.Osd;
using Fastblock.Tests.Sim.Cluster;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.Network;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>An OSD at rest: every operation is over, nothing waits in a queue, and the space that is in use is the space that
/// somebody has.</summary>
internal static class RestChecker
{
    /// <summary>What is left in an OSD that nobody asks for anything; empty = nothing.</summary>
    public static string LeftOver(OsdNode osd)
    {
        if (!osd.IsStarted) { return ""; }
        string left = "";
        foreach (OsdShard shard in osd.Server!.Shards)
        {
            string where = $" {osd.Host.Name}/{shard.Index}";
            if (shard.WriteOps.InUse > 0) { left += $"{where} has {shard.WriteOps.InUse} writes"; }
            if (shard.ReadOps.InUse > 0) { left += $"{where} has {shard.ReadOps.InUse} reads"; }
            if (shard.Host.UnappliedBytes > 0) { left += $"{where} has {shard.Host.UnappliedBytes} bytes not applied"; }
        }
        foreach (SimSeat seat in osd.Host.Process!.Seats)
        {
            foreach (SimConnection connection in seat.Transport.Connections)
            {
                if (connection.QueuedBytes > 0) { left += $" {osd.Host.Name}/{seat.Index} has {connection.QueuedBytes} bytes to send"; }
            }
        }
        return left;
    }

    /// <summary>No unit of the device is lost, or belongs to two, and every running sum is right.</summary>
    public static void RequireSpaceAddsUp(OsdNode osd)
    {
        if (!osd.IsStarted) { return; }
        foreach (OsdShard shard in osd.Server!.Shards)
        {
            long leaked = shard.Objects.LeakedAus;
            if (leaked != 0) { throw new SimFailure($"{osd.Host.Name} shard {shard.Index}: {leaked} units are in use and nobody's"); }
            shard.Objects.CheckInvariants();
        }
    }
}
