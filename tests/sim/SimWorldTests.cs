using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Storage.Device;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.World;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>The simulated machine itself: time, network and disks behave as their heads promise.</summary>
public sealed unsafe class SimWorldTests
{
    private sealed class Peer : IConnectionHandler, IConnectionAcceptor, IHelloGate
    {
        public List<string> Log { get; } = [];
        public ITransport? Target { get; set; }
        public string? Refusal { get; set; }
        public IConnection? Last { get; private set; }

        public IConnectionHandler? OnAccepted(IConnection connection) => this;

        public void OnUp(IConnection connection)
        {
            Last = connection;
            Log.Add($"up from {connection.PeerHello.NodeId}");
        }

        public void OnFrame(IConnection connection, in Frame frame) =>
            Log.Add($"frame {frame.Body[0]} +{frame.PayloadBytes}:{(frame.Payload == null ? 0 : frame.Payload.Span(0, 1)[0])}");

        public void OnClosed(IConnection connection, Errno reason, string detail) => Log.Add($"closed {reason}");

        public string? Check(in Hello peer, out Hello own, out ITransport target)
        {
            own = new Hello { NodeId = 7 };
            target = Target!;
            return Refusal;
        }
    }

    private sealed class Request : IoRequest
    {
        public Errno? Status { get; private set; }

        protected override void OnCompleted(Errno status) => Status = status;
    }

    private static (SimSeat A, SimSeat B, Peer PeerA, Peer PeerB, NetAddress Address) TwoHosts(SimWorld world)
    {
        SimSeat a = world.AddHost("a").Start().Seats[0];
        SimSeat b = world.AddHost("b").Start().Seats[0];
        var peerA = new Peer();
        var peerB = new Peer { Target = b.Transport };
        b.Transport.Acceptor = peerB;
        Assert.Equal(Errno.None, b.Transport.Listen(new NetAddress(System.Net.IPAddress.Any, 0), peerB, out NetAddress address));
        return (a, b, peerA, peerB, address);
    }

    [Fact]
    public void Frames_arrive_whole_in_order_and_with_their_payload()
    {
        using var world = new SimWorld(1);
        (SimSeat a, SimSeat b, Peer peerA, Peer peerB, NetAddress address) = TwoHosts(world);
        IConnection connection = a.Transport.Connect(address, new Hello { NodeId = 3 }, peerA);
        world.RunFor(Units.NanosPerMilli * 10);
        Assert.Equal(["up from 7"], peerA.Log);
        Assert.Equal(["up from 3"], peerB.Log);
        PooledBuffer buffer = a.Buffers.TryRent(8192)!;
        buffer.Span(0, 8192).Fill(9);
        for (byte i = 0; i < 3; i++) { Assert.Equal(Errno.None, connection.TrySend(FrameType.Raft, [i], [new PayloadPart(buffer, 0, 4096), new PayloadPart(buffer, 4096, 100)])); }
        buffer.Release();
        world.RunFor(Units.NanosPerMilli * 10);
        Assert.Equal(["up from 3", "frame 0 +4196:9", "frame 1 +4196:9", "frame 2 +4196:9"], peerB.Log);
        Assert.Equal(0, a.Buffers.Outstanding);
        Assert.Equal(0, b.Buffers.Outstanding);
    }

    [Fact]
    public void Closing_one_end_closes_the_other_exactly_once()
    {
        using var world = new SimWorld(2);
        (SimSeat a, _, Peer peerA, Peer peerB, NetAddress address) = TwoHosts(world);
        IConnection connection = a.Transport.Connect(address, new Hello(), peerA);
        world.RunFor(Units.NanosPerMilli * 10);
        connection.Close(Errno.ShutDown);
        connection.Close(Errno.ShutDown);
        Assert.Equal(Errno.NotConnected, connection.TrySend(FrameType.Raft, [1]));
        world.RunFor(Units.NanosPerSecond * 10);
        Assert.Equal(["up from 7", "closed ShutDown"], peerA.Log);
        Assert.Equal(["up from 0", "closed ConnectionReset"], peerB.Log);
    }

    [Fact]
    public void A_refused_or_absent_listener_ends_the_attempt_with_its_reason()
    {
        using var world = new SimWorld(3);
        (SimSeat a, _, Peer peerA, Peer peerB, NetAddress address) = TwoHosts(world);
        peerB.Refusal = "wrong cluster";
        _ = a.Transport.Connect(address, new Hello(), peerA);
        _ = a.Transport.Connect(address with { Port = 1 }, new Hello(), peerA);
        world.RunFor(Units.NanosPerSecond);
        Assert.Contains("closed NotPermitted", peerA.Log);
        Assert.Contains("closed ConnectionRefused", peerA.Log);
    }

    [Fact]
    public void A_cut_link_is_noticed_by_silence_and_a_killed_peer_at_once()
    {
        using var world = new SimWorld(4);
        (SimSeat a, SimSeat b, Peer peerA, Peer peerB, NetAddress address) = TwoHosts(world);
        _ = a.Transport.Connect(address, new Hello(), peerA);
        world.RunFor(Units.NanosPerMilli * 10);
        world.Network.CutBoth(a.Process.Host, b.Process.Host);
        world.RunFor(Units.NanosPerSecond);
        Assert.DoesNotContain("closed TimedOut", peerA.Log);
        world.RunFor(Units.NanosPerSecond * 10);
        Assert.Contains("closed TimedOut", peerA.Log);
        Assert.Contains("closed TimedOut", peerB.Log);

        world.Network.HealAll();
        peerA.Log.Clear();
        _ = a.Transport.Connect(address, new Hello(), peerA);
        world.RunFor(Units.NanosPerMilli * 10);
        b.Process.Host.Kill();
        world.RunFor(Units.NanosPerMilli * 10);
        Assert.Equal(["up from 7", "closed ConnectionReset"], peerA.Log);
    }

    [Fact]
    public void A_receiver_without_buffers_makes_the_sender_feel_it()
    {
        using var world = new SimWorld(5);
        world.Network.Faults = new() { WindowBytes = 16 * 1024, SendQueueBytes = 64 * 1024 };
        (SimSeat a, SimSeat b, Peer peerA, Peer peerB, NetAddress address) = TwoHosts(world);
        IConnection connection = a.Transport.Connect(address, new Hello(), peerA);
        world.RunFor(Units.NanosPerMilli * 10);
        var hoard = new List<PooledBuffer>();
        while (b.Buffers.TryRent(4096) is { } taken) { hoard.Add(taken); }
        PooledBuffer buffer = a.Buffers.TryRent(4096)!;
        int sent = 0;
        while (connection.TrySend(FrameType.DataRequest, [1], [new PayloadPart(buffer, 0, 4096)]) == Errno.None) { sent++; }
        buffer.Release();
        world.RunFor(Units.NanosPerMilli * 10);
        Assert.InRange(sent, 10, 25);
        Assert.True(connection.QueuedBytes > 0);
        Assert.Single(peerB.Log);
        foreach (PooledBuffer taken in hoard) { taken.Release(); }
        world.RunFor(Units.NanosPerMilli * 100);
        Assert.Equal(1 + sent, peerB.Log.Count);
        Assert.Equal(0, connection.QueuedBytes);
    }

    [Fact]
    public void Clocks_differ_in_speed_and_never_go_back()
    {
        using var world = new SimWorld(6);
        SimClock fast = world.AddHost("fast", driftPpm: 1_000).Clock;
        SimClock slow = world.AddHost("slow", driftPpm: -1_000).Clock;
        long fastStart = fast.NowNanos;
        long slowStart = slow.NowNanos;
        world.RunFor(Units.NanosPerSecond * 10);
        Assert.Equal(10_010 * Units.NanosPerMilli, fast.NowNanos - fastStart);
        Assert.Equal(9_990 * Units.NanosPerMilli, slow.NowNanos - slowStart);
        long due = slow.NowNanos + 12_345;
        Assert.True(slow.ToLocal(slow.ToWorld(due)) >= due);
        Assert.True(slow.ToLocal(slow.ToWorld(due) - 2) < due);
    }

    [Fact]
    public void A_reactor_runs_its_timers_at_their_time_of_its_own_clock()
    {
        using var world = new SimWorld(7);
        SimSeat seat = world.AddHost("a", driftPpm: 500).Start().Seats[0];
        long fired = 0;
        long due = seat.Reactor.NowNanos + Units.NanosPerSecond;
        seat.Do(() => seat.Reactor.Arm(new CallbackTimer(now => fired = now), due));
        world.RunFor(Units.NanosPerSecond * 2);
        Assert.InRange(fired, due, due + 10);
    }

    [Fact]
    public void A_power_cut_takes_only_what_was_not_flushed()
    {
        int lost = 0;
        int torn = 0;
        for (ulong seed = 1; seed <= 40; seed++)
        {
            using var world = new SimWorld(seed);
            SimHost host = world.AddHost("a");
            SimDisk disk = host.AddDisk(Units.MiB);
            SimSeat seat = host.Start().Seats[0];
            SimDiskPort port = disk.Open(seat);
            Write(world, seat, port, 0, 1, durable: false);
            Flush(world, seat, port);
            Write(world, seat, port, 4096, 2, durable: true);
            Write(world, seat, port, 8192, 3, durable: false);
            host.CutPower();
            byte[] block = new byte[4096];
            disk.Peek(0, block);
            Assert.All(block, b => Assert.Equal(1, b));
            disk.Peek(4096, block);
            Assert.All(block, b => Assert.Equal(2, b));
            disk.Peek(8192, block);
            int threes = 0;
            foreach (byte b in block) { threes += b == 3 ? 1 : 0; }
            if (threes == 0) { lost++; }
            if (threes is > 0 and < 4096)
            {
                Assert.Equal(0, threes % 512);
                torn++;
            }
        }
        Assert.InRange(lost, 3, 35);
        Assert.InRange(torn, 1, 20);
    }

    [Fact]
    public void A_completed_write_survives_a_kill_and_a_bad_block_answers_with_an_error()
    {
        using var world = new SimWorld(8);
        SimHost host = world.AddHost("a");
        SimDisk disk = host.AddDisk(Units.MiB);
        SimSeat seat = host.Start().Seats[0];
        SimDiskPort port = disk.Open(seat);
        Write(world, seat, port, 0, 1, durable: false);
        host.Kill();
        byte[] block = new byte[4096];
        disk.Peek(0, block);
        Assert.All(block, b => Assert.Equal(1, b));

        seat = host.Start().Seats[0];
        port = disk.Open(seat);
        disk.AddLatentError(0);
        Assert.Equal(Errno.Io, Read(world, seat, port, 0));
        Write(world, seat, port, 0, 1, durable: true);
        Assert.Equal(Errno.None, Read(world, seat, port, 0));
        Assert.True(disk.TryRot(0, bit: 5));
        disk.Peek(0, block);
        Assert.Equal(1 ^ 32, block[0]);
    }

    private static void Write(SimWorld world, SimSeat seat, SimDiskPort port, long offset, byte value, bool durable)
    {
        PooledBuffer buffer = seat.Buffers.TryRent(4096)!;
        buffer.Span(0, 4096).Fill(value);
        using var request = new Request();
        request.Prepare(IoKind.Write, offset, durable: durable);
        Assert.True(request.TryAddSegment(buffer.Pointer, 4096));
        Assert.Equal(Errno.None, Complete(world, seat, port, request));
        buffer.Release();
    }

    private static Errno Read(SimWorld world, SimSeat seat, SimDiskPort port, long offset)
    {
        PooledBuffer buffer = seat.Buffers.TryRent(4096)!;
        using var request = new Request();
        request.Prepare(IoKind.Read, offset);
        Assert.True(request.TryAddSegment(buffer.Pointer, 4096));
        Errno status = Complete(world, seat, port, request);
        buffer.Release();
        return status;
    }

    private static void Flush(SimWorld world, SimSeat seat, SimDiskPort port)
    {
        using var request = new Request();
        request.Prepare(IoKind.Flush, 0);
        Assert.Equal(Errno.None, Complete(world, seat, port, request));
    }

    private static Errno Complete(SimWorld world, SimSeat seat, SimDiskPort port, Request request)
    {
        seat.Do(() => port.Submit(request));
        Assert.True(world.RunUntil(() => request.Status != null, Units.NanosPerSecond));
        return request.Status!.Value;
    }
}
