using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Objects;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>A read with what it must return.</summary>
internal sealed class TestRead : ObjectRead
{
    public bool IsDone { get; private set; }
    public Errno Result { get; private set; }

    /// <summary>Stamp of each block; 0 = hole.</summary>
    public List<ulong> Expected { get; } = [];

    protected override void OnCompleted(Errno status)
    {
        Result = status;
        IsDone = true;
    }

    public void Begin() => IsDone = false;

    public ReadOnlySpan<byte> Block(int index) => Buffer!.Span(BufferOffset + (index * Units.BlockBytes), Units.BlockBytes);

    public void ReleaseBuffer() => Buffer!.Release();

    public static PooledBuffer Rent(BufferPool pool, int blocks) =>
        pool.TryRent(blocks * Units.BlockBytes) ?? throw new InvalidOperationException("no test buffer");
}
