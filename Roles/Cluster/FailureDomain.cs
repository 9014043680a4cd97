namespace Fastblock.Roles.Cluster;

/// <summary>What must not be shared by two replicas of one PG. Values are in map records.</summary>
internal enum FailureDomain : byte
{
    Host = 0,
    Osd = 1,

    /// <summary>OSDs that were made without a rack are together in one.</summary>
    Rack = 2,
}
