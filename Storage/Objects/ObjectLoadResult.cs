namespace Fastblock.Storage.Objects;

/// <summary>What <see cref="ObjectStore.Load"/> found.</summary>
/// <param name="Objects">Records taken over.</param>
/// <param name="Damaged">Records that could not be: their objects do not exist on this replica now.</param>
internal readonly record struct ObjectLoadResult(long Objects, long Damaged);
