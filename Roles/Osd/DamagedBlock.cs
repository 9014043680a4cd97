using System;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>A block of an object whose copy here is damaged.</summary>
internal readonly record struct DamagedBlock(PgId Pg, ObjectId Object, int Block) : IComparable<DamagedBlock>
{
    public int CompareTo(DamagedBlock other)
    {
        int order = Pg.Value.CompareTo(other.Pg.Value);
        if (order == 0) { order = Object.Image.Value.CompareTo(other.Object.Image.Value); }
        if (order == 0) { order = Object.Index.CompareTo(other.Object.Index); }
        return order != 0 ? order : Block.CompareTo(other.Block);
    }

    public override string ToString() => $"pg {Pg} image {Object.Image.Value} object {Object.Index} block {Block}";
}
