using System;
using System.Net;

namespace Fastblock.Native.Linux;

/// <summary>A TCP port of 127.0.0.1 that nobody else is given before the server for which it was chosen listens on it. It is
/// bound and does not listen: others who look for a free port find it taken, while a server that sets SO_REUSEADDR, as all
/// servers do, may still bind and listen.</summary>
internal sealed unsafe class HeldPort : IDisposable
{
    private int _fd;

    private HeldPort(int fd, int port)
    {
        _fd = fd;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Null when somebody has it.</summary>
    /// <param name="afterOurselves">Also one at which connections of a server that has just stopped still linger.</param>
    public static HeldPort? TryTake(int port, bool afterOurselves)
    {
        int fd = Libc.socket(Libc.AF_INET, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
        if (fd < 0) { return null; }
        int one = 1;
        SocketAddress address = default;
        uint bytes = address.SetInternet(IPAddress.Loopback, (ushort)port);
        if (afterOurselves) { _ = Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_REUSEADDR, &one, sizeof(int)); }
        if (Libc.bind(fd, &address, bytes) != 0)
        {
            _ = Libc.close(fd);
            return null;
        }
        _ = Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_REUSEADDR, &one, sizeof(int));
        return new HeldPort(fd, port);
    }

    public void Dispose()
    {
        if (_fd >= 0) { _ = Libc.close(_fd); }
        _fd = -1;
    }
}
