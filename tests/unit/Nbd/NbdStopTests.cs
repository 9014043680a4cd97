using Fastblock.Roles.Nbd;
using Xunit;

namespace Fastblock.Tests.Unit.Nbd;

/// <summary>The server stops while clients are there: polite ones, idle ones, slow ones.</summary>
public sealed class NbdStopTests
{
    [Fact]
    public void A_stopped_server_sends_idle_clients_away_and_slow_ones_a_little_later()
    {
        NbdBench bench = new();
        FakeStream idle = bench.Ready(), late = bench.Ready(), leaving = bench.Ready(), slow = bench.Ready();
        idle.IsIdle = late.IsIdle = leaving.IsIdle = slow.IsStuck = true;
        bench.Image.IsStuck = true;
        late.Type(NbdBench.Command(NbdWire.CMD_WRITE, 1, 0, 4096));
        late.Type(new byte[4096]);
        leaving.Type(NbdBench.Command(NbdWire.CMD_DISC, 1, 0, 0));
        slow.Type(NbdBench.Command(NbdWire.CMD_READ, 1, 0, 32 << 20)); // waits for its client when the budget is used up
        bench.Pump(20);
        bench.StopAll();
        bench.Pump(20);
        Assert.False(idle.IsClosed || late.IsClosed || leaving.IsClosed || slow.IsClosed);
        bench.Clock.NowNanos += NbdLimits.StopIdleNanos;
        bench.Pump(20);
        Assert.True(idle.IsClosed && leaving.IsClosed);
        Assert.False(late.IsClosed || slow.IsClosed); // theirs are under way
        bench.Image.IsStuck = false;
        bench.Image.Kick();
        bench.Pump(20);
        Assert.Equal(0u, new NbdReplies().Parse(late.Sent).Errors[1]);
        bench.Clock.NowNanos += NbdLimits.StopIdleNanos;
        bench.Pump(20);
        Assert.True(late.IsClosed);
        Assert.False(slow.IsClosed);
        bench.Clock.NowNanos += NbdLimits.StopFarewellNanos;
        bench.Pump(20);
        Assert.True(slow.IsClosed);
        bench.AssertAtRest();
    }
}
