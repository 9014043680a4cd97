namespace Fastblock.Storage.Log;

/// <summary>Who asks for room in the log: the nearer to the cleaner, the more of the reserve may be used.</summary>
internal enum LogRoom : byte
{
    /// <summary>Entries of groups: refused first.</summary>
    Entry,

    /// <summary>Key-value batches and group records of the owners: small, and needed to make room.</summary>
    Metadata,

    /// <summary>The cleaner itself.</summary>
    Cleaning,
}
