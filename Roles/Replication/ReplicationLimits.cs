using Fastblock.Native.Base;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Replication;

/// <summary>Bounds of what groups exchange and keep.</summary>
internal static class ReplicationLimits
{
    /// <summary>Largest header of an entry: a role's operation with its CRCs outside.</summary>
    public const int MaxHeaderBytes = 4096;

    /// <summary>Largest payload of an entry: one data operation.</summary>
    public const int MaxPayloadBytes = NetLimits.MaxPayloadBytes;

    public const int MaxPayloadBlocks = MaxPayloadBytes / Units.BlockBytes;

    /// <summary>Most members of a group, learners included: 5 voters, and as many on their way in.</summary>
    public const int MaxMembers = 16;

    /// <summary>Followers, over all groups, that are fed from the device at once; each reads a few entries ahead.</summary>
    public const int MaxCatchUpReaders = 16;

    /// <summary>Terms by which the shard's ceiling of terms is raised: elections between two writes of the superblock.</summary>
    public const ulong TermStep = 64;

    /// <summary>Reads of one group that wait for a confirmation.</summary>
    public const int MaxPendingReads = 4096;
}
