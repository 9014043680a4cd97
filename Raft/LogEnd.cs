namespace Fastblock.Raft;

/// <summary>Where a log ends, as elections compare it (Raft §5.4.1): by the last entry's term first, then by its index.</summary>
internal readonly record struct LogEnd(Term Term, LogIndex Index)
{
    public static bool operator <(LogEnd a, LogEnd b) => a.Term < b.Term || (a.Term == b.Term && a.Index < b.Index);
    public static bool operator >(LogEnd a, LogEnd b) => b < a;
    public static bool operator <=(LogEnd a, LogEnd b) => !(b < a);
    public static bool operator >=(LogEnd a, LogEnd b) => !(a < b);

    public static LogEnd Max(LogEnd a, LogEnd b) => a < b ? b : a;

    public override string ToString() => $"{Index}@{Term}";
}
