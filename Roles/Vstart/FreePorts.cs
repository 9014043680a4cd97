using System;
using System.Net;
using System.Net.Sockets;

namespace Fastblock.Roles.Vstart;

/// <summary>Finds TCP ports on 127.0.0.1. Between finding and use somebody else may take one: then the server says so.</summary>
internal static class FreePorts
{
    /// <summary>Below the range that the kernel gives to outgoing connections, so that none of them takes it meanwhile.</summary>
    private const int First = 20_000;
    private const int End = 32_000;

    public static bool IsFree(int port)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary><paramref name="preferred"/> when it is free, else any free one.</summary>
    public static int Take(int preferred)
    {
        if (IsFree(preferred)) { return preferred; }
        // Seeded by the process, so that clusters started side by side look in different places.
        for (int i = 0, port = First + (Environment.ProcessId * 31 % (End - First)); i < End - First; i++, port++)
        {
            if (port >= End) { port = First; }
            if (IsFree(port)) { return port; }
        }
        return preferred;
    }
}
