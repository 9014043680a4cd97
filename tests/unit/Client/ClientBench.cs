using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Xunit;

namespace Fastblock.Tests.Unit.Client;

/// <summary>An <see cref="ImageClient"/> on a reactor that the test steps, against a <see cref="FakeCluster"/>.</summary>
internal sealed class ClientBench : IImageIoListener, IImageFaultListener
{
    public ClientBench(FakeCluster? cluster = null, ImageClientOptions? options = null)
    {
        Cluster = cluster ?? new FakeCluster();
        Buffers = new BufferPool([(4096, 128), (65536, 32), (512 * 1024, 8), (4 << 20, 2)], poison: true);
        Reactor = new Reactor(0, Clock, new Prng(1), new NullEventSource(), Buffers);
        Client = new ImageClient(Reactor, Cluster, Cluster, options ?? new ImageClientOptions(), new Prng(2));
        Client.FaultListener = this;
        Cluster.NowNanos = () => Reactor.NowNanos;
    }

    public ManualClock Clock { get; } = new();
    public FakeCluster Cluster { get; }
    public BufferPool Buffers { get; }
    public Reactor Reactor { get; }
    public ImageClient Client { get; }
    public List<ImageIo> Completed { get; } = [];
    public Errno Fault { get; private set; }

    public static ClientBench Opened(FakeCluster? cluster = null, ImageClientOptions? options = null)
    {
        ClientBench bench = new(cluster, options);
        ImageOpenResult result = bench.Open(ImageOpenMode.Write);
        Assert.Equal(Errno.None, result.Status);
        return bench;
    }

    public ImageOpenResult Open(ImageOpenMode mode, long timeoutNanos = 30 * Units.NanosPerSecond)
    {
        ReactorTask<ImageOpenResult> task = Client.OpenAsync("vol", "demo", mode, "test", timeoutNanos);
        for (int i = 0; i < 100_000 && !task.IsCompleted; i++) { Step(); }
        Assert.True(task.IsCompleted);
        return task.TakeResult();
    }

    public void Close()
    {
        ReactorTask task = Client.CloseAsync();
        for (int i = 0; i < 100_000 && !task.IsCompleted; i++) { Step(); }
        Assert.True(task.IsCompleted);
        task.Start();
        for (int i = 0; i < 10; i++) { Step(); }
    }

    /// <summary>One round: deliver, run; when nothing happens the clock goes to the next timer.</summary>
    public void Step()
    {
        bool did = Cluster.Deliver();
        did |= Reactor.RunOnce();
        if (!did && Reactor.NextTimerNanos != long.MaxValue)
        {
            Clock.NowNanos = Math.Max(Clock.NowNanos, Reactor.NextTimerNanos);
        }
        else { Clock.NowNanos += 1000; }
    }

    public ImageIo Start(ImageOp op, long offset, long length, byte[]? data = null)
    {
        ImageIo io = new(this);
        io.Prepare(op, offset, length);
        if (data is not null)
        {
            PooledBuffer buffer = Buffers.TryRent(data.Length)!;
            data.CopyTo(buffer.Span(0, data.Length));
            io.AddData(buffer, 0, data.Length);
            io.Owner = buffer;
        }
        Client.Submit(io);
        return io;
    }

    public ImageIo Run(ImageOp op, long offset, long length, byte[]? data = null)
    {
        ImageIo io = Start(op, offset, length, data);
        Finish(io);
        return io;
    }

    public void Finish(ImageIo io)
    {
        for (int i = 0; i < 100_000 && !Completed.Contains(io); i++) { Step(); }
        Assert.Contains(io, Completed);
    }

    public Errno Write(long offset, byte[] data) => Run(ImageOp.Write, offset, data.Length, data).Status;

    public byte[] Read(long offset, int length)
    {
        ImageIo io = Run(ImageOp.Read, offset, length);
        Assert.Equal(Errno.None, io.Status);
        byte[] bytes = new byte[length];
        io.CopyTo(bytes);
        io.Reset();
        return bytes;
    }

    public static byte[] Pattern(int length, int seed)
    {
        Prng prng = new((ulong)seed);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) { bytes[i] = unchecked((byte)prng.Next()); }
        return bytes;
    }

    void IImageIoListener.OnCompleted(ImageIo io)
    {
        (io.Owner as PooledBuffer)?.Release();
        io.Owner = null;
        Completed.Add(io);
    }

    void IImageFaultListener.OnImageFault(Errno status, string text) => Fault = status;
}
