using System.Collections.Generic;
using Fastblock.Net.Proto;

namespace Fastblock.Roles.Osd;

/// <summary>What a shard tells for the next heartbeat. Made by the shard, handed over, not changed afterwards.</summary>
/// <param name="Shard">Which one.</param>
/// <param name="IsFull">All PGs are listed, not only those that changed.</param>
/// <param name="Pgs">The PGs.</param>
/// <param name="SizeBytes">Room for data in all.</param>
/// <param name="UsedBytes">Taken of it.</param>
/// <param name="Corruptions">Damaged records and blocks found since the start.</param>
internal sealed record ShardReport(
    int Shard, bool IsFull, IReadOnlyList<PgStat> Pgs, long SizeBytes, long UsedBytes, long Corruptions)
{
    /// <summary>Takes no new data.</summary>
    public bool HasNoRoom { get; init; }
}
