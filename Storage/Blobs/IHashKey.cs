using System;

namespace Fastblock.Storage.Blobs;

/// <summary>A key of an <see cref="UnmanagedMap{TKey,TValue}"/>: its hash must be the same on every machine and in every run,
/// because a simulation replays from a seed.</summary>
internal interface IHashKey<TSelf> : IEquatable<TSelf>
    where TSelf : unmanaged, IHashKey<TSelf>
{
    /// <summary>64 well-mixed bits.</summary>
    ulong Hash();
}
