using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>Name of an image's part in a group.</summary>
internal readonly record struct ImageKey(ulong Group, ulong Image) : IHashKey<ImageKey>
{
    public ImageKey(PgId group, ImageId image) : this(group.Value, image.Value) { }

    public ulong Hash() => Mix.Fold(Group, Image);
}
