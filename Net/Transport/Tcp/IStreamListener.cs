namespace Fastblock.Net.Transport.Tcp;

/// <summary>Takes what a listening socket accepts.</summary>
internal interface IStreamListener
{
    /// <summary>A new connection; its descriptor is the callee's now: pass it to <see cref="TcpStreams.Adopt"/> of any
    /// reactor (on that reactor's thread), or close it.</summary>
    void OnAccepted(int fd);
}
