using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Fastblock.Storage.Volume;

/// <summary>Runs of batches in the middle of a log that are lost and that its owners have dealt with: every replay meets the gap
/// again until its segment is freed, and it must not count as new damage each time. docs/on-disk-format.md "Shard
/// superblock".</summary>
internal sealed class KnownLosses : IEquatable<KnownLosses>
{
    /// <summary>More than a log has before its device is replaced; further ones are not acknowledged.</summary>
    public const int MaxRuns = 8;

    internal const int RunBytes = 16;
    internal const int Bytes = MaxRuns * RunBytes;
    private readonly (ulong First, ulong Last)[] _runs;

    private KnownLosses((ulong First, ulong Last)[] runs) => _runs = runs;

    public static KnownLosses None { get; } = new([]);

    /// <param name="runs">First and last batch of each; at most <see cref="MaxRuns"/>.</param>
    public static KnownLosses Of(IReadOnlyList<(ulong First, ulong Last)> runs) => runs.Count == 0 ? None : new([.. runs]);

    public bool Contains(ulong first, ulong last)
    {
        foreach ((ulong From, ulong To) run in _runs)
        {
            if (run.From <= first && last <= run.To) { return true; }
        }
        return false;
    }

    /// <summary>Those that are still in a log from batch <paramref name="first"/> to before batch <paramref name="end"/>. The
    /// numbers from the end on are given again to other batches.</summary>
    public KnownLosses Within(ulong first, ulong end) => Of(Array.FindAll(_runs, run => run.Last >= first && run.Last < end));

    public void Write(Span<byte> to)
    {
        for (int i = 0; i < _runs.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(to[(i * RunBytes)..], _runs[i].First);
            BinaryPrimitives.WriteUInt64LittleEndian(to[((i * RunBytes) + 8)..], _runs[i].Last);
        }
    }

    /// <summary>What makes no sense is left out: such a gap is then reported as new, which does no harm.</summary>
    public static KnownLosses Read(ReadOnlySpan<byte> from)
    {
        List<(ulong, ulong)> runs = [];
        for (int i = 0; i < MaxRuns; i++)
        {
            ulong first = BinaryPrimitives.ReadUInt64LittleEndian(from[(i * RunBytes)..]);
            ulong last = BinaryPrimitives.ReadUInt64LittleEndian(from[((i * RunBytes) + 8)..]);
            if (first > 0 && last >= first) { runs.Add((first, last)); }
        }
        return Of(runs);
    }

    public bool Equals(KnownLosses? other) => other is not null && _runs.AsSpan().SequenceEqual(other._runs);

    public override bool Equals(object? obj) => Equals(obj as KnownLosses);

    public override int GetHashCode() => _runs.Length == 0 ? 0 : _runs[0].GetHashCode();
}
