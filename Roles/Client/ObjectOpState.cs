namespace Fastblock.Roles.Client;

/// <summary>Which list an <see cref="ObjectOp"/> is in.</summary>
internal enum ObjectOpState : byte
{
    Free,
    Queued,
    Sent,
}
