using System.Collections.Generic;
using Fastblock.Net.Proto;

namespace Fastblock.Roles.Mon;

/// <summary>One thing that can be wrong with a cluster: how bad it is and what to do. All there are stand here;
/// docs/operations.md lists them, written by a test.</summary>
internal sealed class HealthCode
{
    private static readonly List<HealthCode> Known = [];

    public static readonly HealthCode MonDown = new("MON_DOWN", HealthLevel.HealthWarn, "{0} of {1} monitors do not take part",
        "start it, or look into its log; with one more down commands stop, running clients go on");

    public static readonly HealthCode MonEven = new("MON_EVEN", HealthLevel.HealthWarn, "{0} monitors: an even number",
        "one more costs nothing, and then one more may be down: 'fastblock mon add', or 'fastblock mon rm'");

    public static readonly HealthCode MonChanging = new("MON_CHANGING", HealthLevel.HealthWarn, "{0} monitors are joining or leaving",
        "takes seconds; if it stays: start the one that joins, or bring a majority of the others back");

    public static readonly HealthCode OsdDown = new("OSD_DOWN", HealthLevel.HealthWarn, "{0} OSDs are down",
        "start them with 'fastblock osd', or look into their logs");

    public static readonly HealthCode OsdOut = new("OSD_OUT", HealthLevel.HealthWarn, "{0} OSDs were silent for long and have been put out",
        "their data are made anew on the others; started again they come back in, or remove them with 'fastblock osd rm'");

    public static readonly HealthCode ClusterFlags = new("CLUSTER_FLAGS", HealthLevel.HealthWarn, "{0} switches are set that keep the cluster from healing itself",
        "when the work is done: 'fastblock cluster unset noout' and 'fastblock cluster unset norebalance'");

    public static readonly HealthCode OsdDeviceReplaced = new("OSD_DEVICE_REPLACED", HealthLevel.HealthErr,
        "{0} OSDs came with a device that is not theirs",
        "an emptied device does not become an old OSD again: make it a new one with 'fastblock osd mkfs'");

    public static readonly HealthCode OsdCorruption = new("OSD_CORRUPTION", HealthLevel.HealthWarn,
        "{0} OSDs found damaged data on their devices since they were started",
        "it is read from the other replicas and repaired by itself; check the device (dmesg, smartctl) and replace it if there is more");

    public static readonly HealthCode PgDamaged = new("PG_DAMAGED", HealthLevel.HealthWarn, "{0} PGs have damaged blocks that are not repaired yet",
        "usually over in a moment; if it stays, a replica with a good copy is away: bring its OSD back");

    public static readonly HealthCode ObjectUnrepairable = new("OBJECT_UNREPAIRABLE", HealthLevel.HealthErr,
        "{0} PGs have blocks without a good copy, or objects whose replicas differ",
        "the OSDs' logs name them; reads of such blocks fail until they are written again; restore that part of the image from a backup");

    public static readonly HealthCode OsdLostData = new("OSD_LOST_DATA", HealthLevel.HealthErr,
        "{0} OSDs have lost replicas that they should hold",
        "the device was emptied or damaged; the replicas are made anew from the others, as long as those have a majority");

    public static readonly HealthCode PgNoQuorum = new("PG_NO_QUORUM", HealthLevel.HealthErr, "{0} PGs have no majority: no I/O to them",
        "bring their OSDs back; 'fastblock pg map' shows which");

    public static readonly HealthCode PgInactive = new("PG_INACTIVE", HealthLevel.HealthWarn, "{0} PGs have no leader at present",
        "usually an election that is over in a second; if it stays, look into the logs of their OSDs");

    public static readonly HealthCode PgDegraded = new("PG_DEGRADED", HealthLevel.HealthWarn, "{0} PGs miss a replica",
        "bring the missing OSDs back; data is safe as long as a majority stays");

    public static readonly HealthCode PgCreating = new("PG_CREATING", HealthLevel.HealthWarn, "{0} PGs are being made",
        "takes a moment; if it stays, not enough of their OSDs are up");

    public static readonly HealthCode PgRecovering = new("PG_RECOVERING", HealthLevel.HealthOk, "{0} PGs are being copied to other OSDs",
        "nothing to do: 'fastblock status' shows how much is left");

    public static readonly HealthCode PgMisplaced = new("PG_MISPLACED", HealthLevel.HealthOk, "{0} PGs wait to be moved to where they should be",
        "nothing to do, a few move at a time; if none do, see whether an OSD is nearly full, or norebalance is set");

    public static readonly HealthCode PoolTooFewDomains = new("POOL_TOO_FEW_DOMAINS", HealthLevel.HealthWarn,
        "{0} pools have fewer failure domains with OSDs that are in than replicas",
        "add OSDs on other hosts (or racks), or bring those back that are out: what has no other place stays where it is");

    public static readonly HealthCode OsdFull = new("OSD_FULL", HealthLevel.HealthErr, "{0} OSDs are full: writes to their PGs fail, reads and trims go on",
        "remove images, trim file systems, or add OSDs");

    public static readonly HealthCode OsdNearFull = new("OSD_NEARFULL", HealthLevel.HealthWarn, "{0} OSDs are nearly full",
        "remove images, trim file systems, or add OSDs");

    public static readonly HealthCode OwnerSilent = new("OWNER_SILENT", HealthLevel.HealthOk,
        "{0} images have an owner that was not heard lately", "nothing to do: the next one that opens the image takes it over");

    private HealthCode(string name, HealthLevel level, string summary, string advice)
    {
        (Name, Level, Summary, Advice) = (name, level, summary, advice);
        Known.Add(this);
    }

    public static IReadOnlyList<HealthCode> All => Known;

    public string Name { get; }
    public HealthLevel Level { get; }

    /// <summary>{0} stands for how many.</summary>
    public string Summary { get; }

    public string Advice { get; }
}
