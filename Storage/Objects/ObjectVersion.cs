using Fastblock.Native.Base;

namespace Fastblock.Storage.Objects;

/// <summary>One line of a group's list of objects.</summary>
/// <param name="Object">Which object.</param>
/// <param name="Version">Raft index of its last change.</param>
internal readonly record struct ObjectVersion(ObjectId Object, ulong Version);
