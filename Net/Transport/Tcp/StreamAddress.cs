namespace Fastblock.Net.Transport.Tcp;

/// <summary>Where a stream socket leads: an internet address or the path of a unix socket. Exactly one is set.</summary>
internal readonly record struct StreamAddress(NetAddress? Internet, string? UnixPath)
{
    public static StreamAddress OfInternet(NetAddress address) => new(address, null);

    public static StreamAddress OfUnix(string path) => new(null, path);

    public override string ToString() => Internet is not null ? Internet.ToString() : $"unix:{UnixPath}";
}
