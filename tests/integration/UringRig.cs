using System;
using System.Diagnostics;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>A reactor on a real io_uring that the test's own thread steps.</summary>
internal sealed class UringRig : IDisposable
{
    public UringRig(UringOptions? options = null, (int Bytes, int Count)[]? classes = null)
    {
        Buffers = new BufferPool(classes ?? [(4096, 64), (65536, 16), (1 << 20, 4)]);
        Errno error = UringEventSource.TryCreate(
            BootClock.Instance, Buffers, options ?? new UringOptions(), out UringEventSource? source, out string whyNot);
        Assert.True(error is Errno.None, whyNot);
        Source = source!;
        Reactor = new Reactor(0, BootClock.Instance, new Prng(1), Source, Buffers);
    }

    public BufferPool Buffers { get; }
    public UringEventSource Source { get; }
    public Reactor Reactor { get; }

    /// <summary>Steps the loop until the condition holds; fails after ten seconds.</summary>
    public void Until(Func<bool> condition)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (!Reactor.RunOnce() && !condition())
            {
                Source.Wait(Math.Min(Reactor.NextTimerNanos, BootClock.Instance.NowNanos + Units.NanosPerMilli));
            }
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), "nothing happened for ten seconds");
        }
    }

    public T Run<T>(ReactorTask<T> task)
    {
        Until(() => task.IsCompleted);
        return task.TakeResult();
    }

    public void Dispose()
    {
        Source.Dispose();
        Buffers.Dispose();
    }
}
