using System.Globalization;

namespace Fastblock.Roles.Mon;

/// <summary>Keys of the store beside the cluster map (MapKeys).</summary>
internal static class StoreKeys
{
    /// <summary>Counters of ids, 8 bytes little-endian: the next one to give out.</summary>
    public const string NextMon = "seq/mon";
    public const string NextOsd = "seq/osd";
    public const string NextPool = "seq/pool";
    public const string NextImage = "seq/image";
    public const string NextIncarnation = "seq/incarnation";
    public const string NextRequest = "seq/request";

    /// <summary>Outcomes of commands, by number.</summary>
    public const string Requests = "req/";

    public static string Request(ulong number) => Requests + number.ToString("x16", CultureInfo.InvariantCulture);
}
