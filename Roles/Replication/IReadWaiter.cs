using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Somebody who waits until a read may be served.</summary>
internal interface IReadWaiter
{
    /// <summary>Leadership is confirmed and everything up to <paramref name="index"/> is applied: read now, within this call
    /// or from state that can only be newer.</summary>
    void OnReadable(LogIndex index);

    /// <summary>This node no longer leads, or could not confirm it in time.</summary>
    void OnReadFailed();
}
