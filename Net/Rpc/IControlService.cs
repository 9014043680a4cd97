using Fastblock.Net.Proto;

namespace Fastblock.Net.Rpc;

/// <summary>Answers requests that come in over a <see cref="ControlSession"/>.</summary>
internal interface IControlService
{
    /// <summary>Answer with <see cref="ControlSession.Reply"/>, now or later, exactly once.</summary>
    void OnRequest(ControlSession session, ulong id, ControlRequest request);

    /// <summary>The connection has ended: drop what belongs to it.</summary>
    void OnSessionClosed(ControlSession session);
}
