using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>What the log holds of one group: entries BaseIndex + 1 to LastIndex; none when the two are equal.</summary>
/// <param name="Damaged">Replay found that records of this group may be lost.</param>
internal readonly record struct LogGroupInfo(
    PgId Group, ulong Incarnation, ulong BaseIndex, ulong BaseTerm, ulong LastIndex, bool Damaged);
