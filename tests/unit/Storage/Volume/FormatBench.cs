using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Tests.Unit.Native;

namespace Fastblock.Tests.Unit.Storage.Volume;

/// <summary>A reactor with a device in memory, for tests of what is written to a device before a log is.</summary>
internal sealed class FormatBench : IDisposable
{
    private readonly BufferPool _buffers = new([(4096, 16)]);

    public FormatBench(long deviceBytes)
    {
        Reactor = new Reactor(0, new ManualClock(), new Prng(1), new NullEventSource(), _buffers);
        Device = new MemoryDevice(Reactor, deviceBytes);
    }

    public Reactor Reactor { get; }
    public MemoryDevice Device { get; }

    public T Run<T>(ReactorTask<T> task)
    {
        while (!task.IsCompleted) { _ = Reactor.RunOnce(); }
        return task.TakeResult();
    }

    public void Dispose()
    {
        Device.Dispose();
        _buffers.Dispose();
    }
}
