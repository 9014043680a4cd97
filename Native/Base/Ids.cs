using System;

// Typed numbers: two bare integers side by side are a bug waiting. All are plain values on disk and wire, little-endian.
namespace Fastblock.Native.Base;

/// <summary>Numeric id of an OSD, from 0; never re-used.</summary>
internal readonly record struct OsdId(uint Value);

/// <summary>Numeric id of a monitor, from 0.</summary>
internal readonly record struct MonId(uint Value);

/// <summary>Numeric id of a pool, from 1; never re-used.</summary>
internal readonly record struct PoolId(uint Value);

/// <summary>Numeric id of an image, from 1, unique over all pools; never re-used.</summary>
internal readonly record struct ImageId(ulong Value);

/// <summary>Version of the cluster map; every change makes a new one.</summary>
internal readonly record struct Epoch(ulong Value) : IComparable<Epoch>
{
    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);
    public static bool operator <(Epoch a, Epoch b) => a.Value < b.Value;
    public static bool operator >(Epoch a, Epoch b) => a.Value > b.Value;
    public static bool operator <=(Epoch a, Epoch b) => a.Value <= b.Value;
    public static bool operator >=(Epoch a, Epoch b) => a.Value >= b.Value;
}

/// <summary>A placement group: pool in the high half, number within the pool in the low half. The monitors' own group is 0.</summary>
internal readonly record struct PgId(ulong Value) : IComparable<PgId>
{
    public PgId(PoolId pool, uint number) : this(((ulong)pool.Value << 32) | number) { }
    public PoolId Pool => new((uint)(Value >> 32));
    public uint Number => unchecked((uint)Value);
    public int CompareTo(PgId other) => Value.CompareTo(other.Value);

    /// <summary>As operators write it: pool id, dot, number in hex.</summary>
    public override string ToString() => $"{Pool.Value}.{Number:x}";
}

/// <summary>One fixed slice of an image inside its PG.</summary>
internal readonly record struct ObjectId(ImageId Image, uint Index);
