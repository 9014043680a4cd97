using System;

namespace Fastblock.Raft;

/// <summary>Position of an entry in a group's log. The first entry has index 1; 0 = before it.</summary>
internal readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    public LogIndex Next => new(Value + 1);

    /// <summary>The one before; only for indexes above 0.</summary>
    public LogIndex Previous => new(Value - 1);

    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);
    public static LogIndex operator +(LogIndex a, ulong n) => new(a.Value + n);
    public static ulong operator -(LogIndex a, LogIndex b) => a.Value - b.Value;
    public static bool operator <(LogIndex a, LogIndex b) => a.Value < b.Value;
    public static bool operator >(LogIndex a, LogIndex b) => a.Value > b.Value;
    public static bool operator <=(LogIndex a, LogIndex b) => a.Value <= b.Value;
    public static bool operator >=(LogIndex a, LogIndex b) => a.Value >= b.Value;
    public static LogIndex Min(LogIndex a, LogIndex b) => a.Value <= b.Value ? a : b;
    public static LogIndex Max(LogIndex a, LogIndex b) => a.Value >= b.Value ? a : b;
    public override string ToString() => Value.ToString();
}
