using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Native;

public sealed class QueueTests
{
    [Fact]
    public void Ring_queue_agrees_with_a_list_under_random_use()
    {
        Prng prng = new(3);
        RingQueue<string> queue = new(capacity: 2);
        List<string> model = [];
        for (int step = 0; step < 50_000; step++)
        {
            string item = step.ToString(System.Globalization.CultureInfo.InvariantCulture);
            switch (prng.Below(step % 2000 < 1000 ? 8 : 12))
            {
                case < 3:
                    queue.PushBack(item);
                    model.Add(item);
                    break;
                case < 5:
                    queue.PushFront(item);
                    model.Insert(0, item);
                    break;
                case 5 when model.Count > 0:
                    Assert.Equal(model[^1], queue.PopBack());
                    model.RemoveAt(model.Count - 1);
                    break;
                default:
                    Assert.Equal(model.Count > 0, queue.TryPopFront(out string? popped));
                    if (popped is not null)
                    {
                        Assert.Equal(model[0], popped);
                        model.RemoveAt(0);
                    }
                    break;
            }
            Assert.Equal(model.Count, queue.Count);
            if (model.Count > 0)
            {
                int index = prng.Below(model.Count);
                Assert.Equal(model[index], queue[index]);
            }
        }
    }

    [Fact]
    public void Ring_queue_is_full_at_its_limit()
    {
        RingQueue<int> queue = new(capacity: 2, limit: 5);
        for (int i = 0; i < 5; i++) { Assert.True(queue.TryPushBack(i)); }
        Assert.False(queue.TryPushBack(5));
        Assert.Equal(0, queue.PopFront());
        Assert.True(queue.TryPushBack(5));
        queue.Clear();
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void Spsc_ring_is_full_at_its_capacity_and_wraps()
    {
        SpscRing<int> ring = new(3);
        Assert.Equal(4, ring.Capacity);
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < 4; i++) { Assert.True(ring.TryPush(round * 4 + i)); }
            Assert.False(ring.TryPush(-1));
            for (int i = 0; i < 4; i++)
            {
                Assert.True(ring.TryPop(out int value));
                Assert.Equal(round * 4 + i, value);
            }
            Assert.False(ring.TryPop(out _));
            Assert.True(ring.IsEmpty);
        }
    }

    [Fact]
    public void Spsc_ring_passes_everything_in_order_between_two_threads()
    {
        const int Count = 1_000_000;
        SpscRing<string> ring = new(64);
        string[] items = [.. Enumerable.Range(0, 1000).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))];
        Thread producer = new(() =>
        {
            for (int i = 0; i < Count; i++)
            {
                while (!ring.TryPush(items[i % 1000])) { _ = Thread.Yield(); }
            }
        });
        producer.Start();
        bool inOrder = true;
        for (int i = 0; i < Count; i++)
        {
            string? item;
            while (!ring.TryPop(out item)) { _ = Thread.Yield(); }
            inOrder &= ReferenceEquals(item, items[i % 1000]);
        }
        producer.Join();
        Assert.True(inOrder);
        Assert.True(ring.IsEmpty);
    }
}
