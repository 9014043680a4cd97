using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fastblock.Storage.Kv;

/// <summary>One pair in unmanaged memory: this header, then the key, then the value. All pairs whose live record lies in the
/// same log segment form a circular list around a node without key, so that the cleaner finds them without a search.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvNode
{
    public KvNode* Previous;
    public KvNode* Next;
    public ulong Segment;
    public int ValueBytes;
    public int ValueCapacity;
    public int KeyBytes;

    public static KvNode* Create(ReadOnlySpan<byte> key, int valueBytes)
    {
        int capacity = (valueBytes + 7) & ~7;
        KvNode* node = (KvNode*)NativeMemory.Alloc((nuint)(sizeof(KvNode) + key.Length + capacity));
        *node = new KvNode { KeyBytes = key.Length, ValueBytes = valueBytes, ValueCapacity = capacity };
        node->Previous = node;
        node->Next = node;
        key.CopyTo(new Span<byte>(KeyOf(node), key.Length));
        return node;
    }

    public static void Free(KvNode* node) => NativeMemory.Free(node);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Key(KvNode* node) => new(KeyOf(node), node->KeyBytes);

    public static Span<byte> Value(KvNode* node) => new(KeyOf(node) + node->KeyBytes, node->ValueBytes);

    public static void Unlink(KvNode* node)
    {
        node->Previous->Next = node->Next;
        node->Next->Previous = node->Previous;
        node->Previous = node;
        node->Next = node;
    }

    /// <summary>Puts an unlinked node at the end of the list around <paramref name="head"/>.</summary>
    public static void Link(KvNode* head, KvNode* node)
    {
        node->Previous = head->Previous;
        node->Next = head;
        head->Previous->Next = node;
        head->Previous = node;
    }

    private static byte* KeyOf(KvNode* node) => (byte*)(node + 1);
}
