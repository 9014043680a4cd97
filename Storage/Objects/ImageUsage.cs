using Fastblock.Native.Base;

namespace Fastblock.Storage.Objects;

/// <summary>What one image uses in one group on this replica.</summary>
/// <param name="Objects">Objects that exist (an object whose blocks are all holes counts).</param>
/// <param name="UsedBytes">Allocation units held or promised to it, in bytes.</param>
internal readonly record struct ImageUsage(PgId Group, ImageId Image, long Objects, long UsedBytes);
