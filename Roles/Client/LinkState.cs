namespace Fastblock.Roles.Client;

/// <summary>Whether an <see cref="OsdLink"/> can be used.</summary>
internal enum LinkState : byte
{
    Up,
    Connecting,

    /// <summary>No address known, or the last attempt failed a moment ago.</summary>
    Unreachable,
}
