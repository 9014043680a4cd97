using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Damage found in the log.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="Group">The only group that is affected; null = unknown, so every group of the shard.</param>
/// <param name="FirstSequence">First batch that is lost or damaged.</param>
/// <param name="LastSequence">Last one.</param>
/// <param name="Index">With a group: the first entry that is lost or damaged.</param>
/// <param name="DeviceOffset">Where on the shard's part, in bytes.</param>
internal readonly record struct LogCorruption(
    LogCorruptionKind Kind, PgId? Group, ulong FirstSequence, ulong LastSequence, ulong Index, long DeviceOffset);
