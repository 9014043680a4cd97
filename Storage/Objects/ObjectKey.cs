using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>Name of an object on a shard.</summary>
internal readonly record struct ObjectKey(ulong Group, ulong Image, uint Index) : IHashKey<ObjectKey>
{
    public ObjectKey(PgId group, ObjectId obj) : this(group.Value, obj.Image.Value, obj.Index) { }

    public ulong Hash() => Mix.Fold(Mix.Fold(Group, Image), Index);
}
