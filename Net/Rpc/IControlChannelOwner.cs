using Fastblock.Native.Base;
using Fastblock.Net.Proto;

namespace Fastblock.Net.Rpc;

/// <summary>Gets what happens on a <see cref="ControlChannel"/> beside the answers to its requests.</summary>
internal interface IControlChannelOwner
{
    void OnChannelUp(ControlChannel channel);

    /// <summary>A message that answers no request; <paramref name="id"/> is that of the watch request.</summary>
    void OnPush(ControlChannel channel, ulong id, ControlPush push);

    /// <summary>The end of it; every request in flight has been answered with NoConnection.</summary>
    void OnChannelClosed(ControlChannel channel, Errno reason, string detail);
}
