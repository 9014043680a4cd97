using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Xunit;

namespace Fastblock.Tests.Unit.Client;

public sealed class ImageClientAllocationTests : IImageIoListener
{
    private int _completed;

    /// <summary>Goal: the data path of the client allocates nothing. Method: warm up, then many writes and reads of one
    /// block at depth 8 over a fake cluster that recycles everything, and compare this thread's allocation counter.</summary>
    [Fact]
    public void A_read_or_write_allocates_nothing_in_steady_state()
    {
        FakeCluster cluster = new() { TrackSequences = false };
        ClientBench bench = ClientBench.Opened(cluster);
        ImageIo[] ios = new ImageIo[8];
        PooledBuffer[] buffers = new PooledBuffer[8];
        for (int i = 0; i < ios.Length; i++)
        {
            ios[i] = new ImageIo(this);
            buffers[i] = bench.Buffers.TryRent(4096)!;
        }
        Rounds(bench, ios, buffers, 200);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Rounds(bench, ios, buffers, 5_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    void IImageIoListener.OnCompleted(ImageIo io)
    {
        Invariant.Require(io.Status == Errno.None);
        io.Reset();
        _completed++;
    }

    private void Rounds(ClientBench bench, ImageIo[] ios, PooledBuffer[] buffers, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            _completed = 0;
            for (int i = 0; i < ios.Length; i++)
            {
                long offset = (long)((round * 8 + i) % 1500) * 4096 + (i & 1) * 512;
                ios[i].Prepare((round & 1) == 0 ? ImageOp.Write : ImageOp.Read, offset, 2048);
                if ((round & 1) == 0) { ios[i].AddData(buffers[i], 512, 2048); }
                bench.Client.Submit(ios[i]);
            }
            while (_completed < ios.Length) { bench.Step(); }
        }
    }
}
