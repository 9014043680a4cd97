namespace Fastblock.Roles.Mon;

/// <summary>Plain numbers for metrics, written by the monitor's reactor only.</summary>
internal sealed class MonCounters
{
    public long Requests { get; set; }
    public long Refusals { get; set; }
    public long Transactions { get; set; }
    public long Conflicts { get; set; }
    public long HandOvers { get; set; }
    public long IsLeader { get; set; }
    public long Revision { get; set; }
    public long Sessions { get; set; }
    public long Queued { get; set; }
}
