using Fastblock.Native.Base;

namespace Fastblock.Roles.Client;

/// <summary>A doubly linked list through the operations themselves. The owner keeps track of which list an operation is
/// in.</summary>
internal sealed class ObjectOpList
{
    public ObjectOp? First { get; private set; }
    public ObjectOp? Last { get; private set; }
    public int Count { get; private set; }

    public void AddLast(ObjectOp op)
    {
        Invariant.Require(op.Previous is null && op.Next is null && First != op);
        op.Previous = Last;
        if (Last is null) { First = op; } else { Last.Next = op; }
        Last = op;
        Count++;
    }

    public void AddFirst(ObjectOp op)
    {
        Invariant.Require(op.Previous is null && op.Next is null && First != op);
        op.Next = First;
        if (First is null) { Last = op; } else { First.Previous = op; }
        First = op;
        Count++;
    }

    public void Remove(ObjectOp op)
    {
        if (op.Previous is null) { First = op.Next; } else { op.Previous.Next = op.Next; }
        if (op.Next is null) { Last = op.Previous; } else { op.Next.Previous = op.Previous; }
        op.Previous = null;
        op.Next = null;
        Count--;
    }
}
