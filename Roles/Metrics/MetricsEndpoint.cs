using System;
using System.Net;
using System.Net.Sockets;
using Fastblock.Net.Transport;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Metrics;

/// <summary>The HTTP endpoint of a role, as its option or setting names it.</summary>
internal static class MetricsEndpoint
{
    /// <summary>Begins to serve; null when <paramref name="address"/> is empty: then nothing is served.</summary>
    public static MetricsServer? TryServe(string address, MetricsRegistry registry, Func<(bool IsHealthy, string Text)> health)
    {
        if (address.Length == 0) { return null; }
        NetAddress at = CommonOptions.Address(address, 0, "metrics address");
        try
        {
            return MetricsServer.Start(new IPEndPoint(at.Address, at.Port), registry, health);
        }
        catch (SocketException failure)
        {
            throw new OperatorException(ExitCode.WrongState, $"cannot serve metrics on {address}: {failure.Message}");
        }
    }
}
