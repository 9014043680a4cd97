using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Hears of every live record, in log order, while the log is opened. Key-value records go to the
/// <see cref="IKvLogClient"/> instead. Most need only <see cref="OnCorruption"/>: after opening, the log itself knows the
/// surviving entries of each group (<see cref="DiskLog.Groups"/>).</summary>
internal interface IReplaySink
{
    void OnEntry(in ReplayedEntry entry);

    /// <summary>The group begins (anew) behind the given base; all its earlier records are dead.</summary>
    void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm);

    /// <summary>Records that were durable once are damaged. What is lost is not replayed; the affected groups must not vote or
    /// acknowledge before a majority has supplied them.</summary>
    void OnCorruption(in LogCorruption corruption);
}
