using System;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>One block-aligned buffer of a reactor's registered region. All exist before the loop starts. Counted: who
/// keeps a buffer beyond the call that brought it takes a reference and drops it later; at zero it goes back to its pool.
/// Belongs to one reactor's thread.</summary>
internal sealed unsafe class PooledBuffer
{
    private readonly BufferPool _pool;
    private int _references;
    private int _cacheReferences;

    internal PooledBuffer(BufferPool pool, byte* pointer, int capacity, int registeredIndex, int sizeClass)
    {
        _pool = pool;
        Pointer = pointer;
        Capacity = capacity;
        RegisteredIndex = registeredIndex;
        SizeClass = sizeClass;
    }

    /// <summary>Start of the bytes, aligned to 4096. Valid as long as a reference is held.</summary>
    public byte* Pointer { get; }

    /// <summary>Bytes available.</summary>
    public int Capacity { get; }

    /// <summary>Index among the io_uring registered buffers, or -1 when the region is not registered.</summary>
    public int RegisteredIndex { get; internal set; }

    /// <summary>Which of the pool's size classes it belongs to.</summary>
    internal int SizeClass { get; }

    /// <summary>What it was rented for last.</summary>
    internal BufferUse Use { get; private set; }

    /// <summary>References held at present; 0 = in the pool.</summary>
    public int References => _references;

    /// <summary>Only caches hold it: it would be free if they let it go.</summary>
    public bool IsIdle => _references == _cacheReferences;

    public Span<byte> Span(int offset, int length)
    {
        Invariant.Require((uint)offset <= (uint)Capacity && (uint)length <= (uint)(Capacity - offset));
        return new Span<byte>(Pointer + offset, length);
    }

    public void Retain()
    {
        Invariant.Require(_references > 0);
        _references++;
    }

    public void Release()
    {
        Invariant.Require(_references > 0);
        if (--_references == 0) { _pool.Return(this); }
    }

    /// <summary>A reference that its holder gives up when a buffer is wanted.</summary>
    public void RetainForCache()
    {
        Retain();
        _cacheReferences++;
    }

    public void ReleaseFromCache()
    {
        Invariant.Require(_cacheReferences > 0);
        _cacheReferences--;
        Release();
    }

    internal void OnRented(BufferUse use)
    {
        Invariant.Require(_references == 0);
        Use = use;
        _references = 1;
    }
}
