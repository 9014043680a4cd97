using System;

namespace Fastblock.Raft;

/// <summary>A member of a group: the OSD's or monitor's number. The host maps it to (id, device uuid, incarnation) and lets
/// nothing of another device or incarnation reach a node under this number.</summary>
internal readonly record struct NodeId(uint Value) : IComparable<NodeId>
{
    /// <summary>Nobody. Not 0, which is a good id.</summary>
    public static NodeId None => new(uint.MaxValue);

    public bool IsNone => Value == uint.MaxValue;
    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);
    public static bool operator <(NodeId a, NodeId b) => a.Value < b.Value;
    public static bool operator >(NodeId a, NodeId b) => a.Value > b.Value;
    public static bool operator <=(NodeId a, NodeId b) => a.Value <= b.Value;
    public static bool operator >=(NodeId a, NodeId b) => a.Value >= b.Value;
    public override string ToString() => IsNone ? "-" : Value.ToString();
}
