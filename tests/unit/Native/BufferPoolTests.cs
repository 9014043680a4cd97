using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Unit.Native;

/// <summary>Shares of a buffer pool: see docs/decisions/client-buffers.md.</summary>
public sealed class BufferPoolTests
{
    private static readonly BufferUse[] Uses = [BufferUse.Peer, BufferUse.Cleaning, BufferUse.ReadBack, BufferUse.Client];

    [Theory]
    [InlineData(BufferUse.Any)]
    [InlineData(BufferUse.Peer)]
    [InlineData(BufferUse.Cleaning)]
    [InlineData(BufferUse.ReadBack)]
    [InlineData(BufferUse.Client)]
    internal void No_use_can_take_what_another_needs_to_move_on(BufferUse greedy)
    {
        using BufferPool pool = new([(4096, 8), (65536, 4)]);
        pool.GuaranteeShares();
        while (pool.TryRent(4096, greedy) is not null) { }
        foreach (BufferUse use in Uses)
        {
            if (use != greedy) { Assert.NotNull(pool.TryRent(65536, use)); }
        }
        if (greedy != BufferUse.Any) { Assert.Null(pool.TryRent(65536, greedy)); }
    }

    [Fact]
    public void Without_guarantees_one_use_may_take_all()
    {
        using BufferPool pool = new([(4096, 8), (65536, 4)]);
        int count = 0;
        while (pool.TryRent(4096, BufferUse.Client) is not null) { count++; }
        Assert.Equal(12, count);
    }

    [Fact]
    public void Every_use_keeps_its_share_however_the_others_rent_and_return()
    {
        using BufferPool pool = new([(4096, 16), (65536, 8), (512 * 1024, 4)]);
        pool.GuaranteeShares();
        Prng prng = new(3);
        List<(PooledBuffer Buffer, BufferUse Use)> rented = [];
        for (int i = 0; i < 20_000; i++)
        {
            BufferUse use = Uses[prng.Below(Uses.Length)];
            if (prng.Below(5) < 3)
            {
                PooledBuffer? buffer = pool.TryRent(4096 << prng.Below(8), use);
                if (buffer is not null) { rented.Add((buffer, use)); }
                else if (!rented.Exists(held => held.Use == use)) { Assert.Fail($"{use} holds nothing and gets nothing"); }
            }
            else if (rented.Count > 0)
            {
                int at = prng.Below(rented.Count);
                rented[at].Buffer.Release();
                rented.RemoveAt(at);
            }
            Assert.Equal(rented.Count, pool.Outstanding);
        }
        foreach ((PooledBuffer buffer, _) in rented) { buffer.Release(); }
        Assert.Equal(0, pool.Outstanding);
    }
}
