using Fastblock.Native.Base;

namespace Fastblock.Net.Transport;

/// <summary>The owner of a connection's events. Called on the connection's reactor; must not block or throw.</summary>
internal interface IConnectionHandler
{
    /// <summary>The hello was exchanged and accepted.</summary>
    void OnUp(IConnection connection);

    /// <summary>One whole frame, with its checksum verified. Its body is valid during the call only; keep the payload by
    /// retaining it.</summary>
    void OnFrame(IConnection connection, in Frame frame);

    /// <summary>The end: comes exactly once, also for a connection that was never up. <paramref name="detail"/> is for humans:
    /// for example the reason with which the peer refused the hello.</summary>
    void OnClosed(IConnection connection, Errno reason, string detail);
}
