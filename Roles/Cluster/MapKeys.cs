using System;
using System.Globalization;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>Keys of the cluster map in the monitors' store. Numbers are fixed-width hex, so that the order of the keys is
/// the order of the numbers. docs/wire-protocol.md lists them.</summary>
internal static class MapKeys
{
    public const string Prefix = "map/";
    public const string Cluster = "map/cluster";
    public const string Osds = "map/osd/";
    public const string Pools = "map/pool/";
    public const string Pgs = "map/pg/";
    public const string Images = "map/image/";

    public static string Osd(OsdId id) => Osds + id.Value.ToString("x8", CultureInfo.InvariantCulture);
    public static string Pool(PoolId id) => Pools + id.Value.ToString("x8", CultureInfo.InvariantCulture);
    public static string Image(ImageId id) => Images + id.Value.ToString("x16", CultureInfo.InvariantCulture);

    public static string Pg(PgId id) => Pgs + id.Pool.Value.ToString("x8", CultureInfo.InvariantCulture)
        + "/" + id.Number.ToString("x8", CultureInfo.InvariantCulture);

    public static bool TryParseOsd(string key, out OsdId id)
    {
        bool ok = TryHex(key, Osds, 8, out ulong value);
        id = new OsdId((uint)value);
        return ok;
    }

    public static bool TryParsePool(string key, out PoolId id)
    {
        bool ok = TryHex(key, Pools, 8, out ulong value);
        id = new PoolId((uint)value);
        return ok;
    }

    public static bool TryParseImage(string key, out ImageId id)
    {
        bool ok = TryHex(key, Images, 16, out ulong value);
        id = new ImageId(value);
        return ok;
    }

    public static bool TryParsePg(string key, out PgId id)
    {
        id = default;
        if (key.Length != Pgs.Length + 17 || !key.StartsWith(Pgs, StringComparison.Ordinal)) { return false; }
        ReadOnlySpan<char> rest = key.AsSpan(Pgs.Length);
        if (rest[8] != '/') { return false; }
        if (!TryHex(rest[..8], out ulong pool) || !TryHex(rest[9..], out ulong number)) { return false; }
        id = new PgId(new PoolId((uint)pool), (uint)number);
        return true;
    }

    private static bool TryHex(string key, string prefix, int digits, out ulong value)
    {
        value = 0;
        return key.Length == prefix.Length + digits && key.StartsWith(prefix, StringComparison.Ordinal)
            && TryHex(key.AsSpan(prefix.Length), out value);
    }

    private static bool TryHex(ReadOnlySpan<char> digits, out ulong value) =>
        ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
