using System;
using System.Collections.Generic;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>Records as lines for people: <c>fastblock inspect</c>.</summary>
internal static class ObjectInspect
{
    /// <summary>One object record or purge record; unknown bytes are named as such.</summary>
    /// <param name="slots">Units of an object, and blocks of a unit, on this device.</param>
    public static string Describe(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, int slots, int blocksPerUnit)
    {
        if (OnodeRecord.TryReadPurge(key, value, out ImageKey image, out ulong purgedAt))
        {
            return Line($"purged group={new PgId(image.Group)} image={image.Image} at={purgedAt}");
        }
        if (!OnodeRecord.TryReadKey(key, out ObjectKey obj)) { return Line($"not an object record: key {Convert.ToHexString(key)}"); }
        string name = Line($"object group={new PgId(obj.Group)} image={obj.Image} index={obj.Index}");
        uint[] units = new uint[slots];
        ulong[] present = new ulong[((slots * blocksPerUnit) + 63) / 64];
        if (!OnodeRecord.TryRead(value, units, present, blocksPerUnit, out OnodeRecord.Header header))
        {
            return Line($"{name} damaged: {value.Length} bytes");
        }
        int blocks = OnodeRecord.CountBits(present, 0, slots * blocksPerUnit);
        string page = header.CrcPage == BlobGeometry.None ? "none" : Line($"{header.CrcPage}/{header.CrcPageSum:x8}");
        return Line($"{name} version={header.Version} blocks={blocks} crcs={page} units={Runs(units)}");
    }

    private static string Runs(uint[] units)
    {
        List<string> runs = [];
        for (int slot = 0; slot < units.Length;)
        {
            int first = slot++;
            if (units[first] == Onode.Unmapped) { continue; }
            while (slot < units.Length && units[slot] == units[first] + (uint)(slot - first)) { slot++; }
            runs.Add(Line($"{first}+{slot - first}@{units[first]}"));
        }
        return runs.Count == 0 ? "none" : string.Join(',', runs);
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
