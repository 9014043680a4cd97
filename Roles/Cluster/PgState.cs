namespace Fastblock.Roles.Cluster;

/// <summary>Where a PG is in its life. Values are in map records.</summary>
internal enum PgState : byte
{
    /// <summary>The named OSDs create their replicas; nothing was ever acknowledged.</summary>
    Creating = 0,

    /// <summary>A majority reported its replica durable: from now on an OSD without it has lost it and must not create it.</summary>
    Active = 1,
}
