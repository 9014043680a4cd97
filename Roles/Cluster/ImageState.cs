namespace Fastblock.Roles.Cluster;

/// <summary>Where an image is in its life. Values are in map records.</summary>
internal enum ImageState : byte
{
    Ready = 0,

    /// <summary>Removed: its name is free again, its objects are being deleted. PG leaders purge it and report.</summary>
    Purging = 1,
}
