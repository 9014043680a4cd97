using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Unit.Client;

public sealed class MonOutcomesTests
{
    private readonly MonOutcomes _mons = new([At(1), At(2)]);

    private static NetAddress At(int host)
    {
        Assert.True(NetAddress.TryParse($"10.0.0.{host}:7300", 0, out NetAddress? address));
        return address;
    }

    private static MonInfo Info(int host, MonRecordState state = MonRecordState.MonMember) => new(new MonId((uint)host), At(host), State: state);

    private HashSet<NetAddress> Tried(int failures) => [.. Enumerable.Range(0, 10).Select(turn => _mons.Pick(turn, failures))];

    [Fact]
    public void Before_there_is_a_map_the_configured_ones_are_tried()
    {
        Assert.Equal([At(1), At(2)], Tried(0).OrderBy(mon => mon.ToString()));
    }

    [Fact]
    public void The_map_decides_and_the_configured_ones_are_the_last_resort()
    {
        _mons.Follow([Info(3), Info(4)]);
        Assert.Equal([At(3), At(4)], Tried(1).OrderBy(mon => mon.ToString()));
        Assert.Equal(4, Tried(2).Count);
    }

    [Fact]
    public void One_that_left_the_map_is_forgotten()
    {
        _mons.Follow([Info(3), Info(4)]);
        _mons.Follow([Info(4), Info(5)]);
        Assert.DoesNotContain(At(3), Tried(5));
        Assert.Equal(4, _mons.Count);
    }

    [Fact]
    public void One_that_is_joining_is_not_asked_and_one_that_is_leaving_is()
    {
        _mons.Follow([Info(3, MonRecordState.MonJoining), Info(4, MonRecordState.MonLeaving)]);
        Assert.Equal([At(4)], Tried(0));
    }
}
