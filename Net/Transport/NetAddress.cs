using System;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Fastblock.Net.Transport;

/// <summary>An IPv4 or IPv6 address with a port. Text form: 127.0.0.1:7000 or [::1]:7000.</summary>
internal sealed record NetAddress(IPAddress Address, ushort Port)
{
    /// <summary>Parses an address; <paramref name="defaultPort"/> is used when the text names none.</summary>
    public static bool TryParse(string text, ushort defaultPort, [NotNullWhen(true)] out NetAddress? address)
    {
        address = null;
        if (!IPEndPoint.TryParse(text, out IPEndPoint? endPoint)) { return false; }
        bool hasPort = text.StartsWith('[') ? text.Contains("]:", StringComparison.Ordinal)
            : text.Split(':').Length == 2;
        address = new NetAddress(endPoint.Address, hasPort ? (ushort)endPoint.Port : defaultPort);
        return true;
    }

    public override string ToString() => new IPEndPoint(Address, Port).ToString();
}
