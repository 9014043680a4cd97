using System;

namespace Fastblock.Raft;

/// <summary>A term: logical time in which at most one leader exists (Raft §5.1). 0 = before the first election.</summary>
internal readonly record struct Term(ulong Value) : IComparable<Term>
{
    public Term Next => new(Value + 1);
    public int CompareTo(Term other) => Value.CompareTo(other.Value);
    public static bool operator <(Term a, Term b) => a.Value < b.Value;
    public static bool operator >(Term a, Term b) => a.Value > b.Value;
    public static bool operator <=(Term a, Term b) => a.Value <= b.Value;
    public static bool operator >=(Term a, Term b) => a.Value >= b.Value;
    public override string ToString() => Value.ToString();
}
