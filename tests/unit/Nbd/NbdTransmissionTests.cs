using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Roles.Nbd;
using Fastblock.Tests.Unit.Client;
using Xunit;

namespace Fastblock.Tests.Unit.Nbd;

public sealed class NbdTransmissionTests
{
    private static void Write(FakeStream stream, ulong cookie, long offset, byte[] data, ushort flags = 0)
    {
        stream.Type(NbdBench.Command(NbdWire.CMD_WRITE, cookie, (ulong)offset, (uint)data.Length, flags));
        stream.Type(data);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reads_what_was_written_for_any_size_and_alignment(bool structured)
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready(structured);
        (long Offset, int Length)[] ranges =
        [
            (0, 512), (512, 512), (3584, 1024), (4096, 4096), (524288 - 512, 1024), (1024, 1 << 20), (2 << 20, 3 << 20), (6 << 20, 32 << 20),
        ];
        foreach ((long offset, int length) in ranges)
        {
            stream.Sent.Clear();
            byte[] data = ClientBench.Pattern(length, (int)offset + 1);
            Write(stream, 1, offset, data, NbdWire.CMD_FLAG_FUA);
            bench.Pump(length / 32768 + 100);
            Assert.Equal(0u, new NbdReplies().Parse(stream.Sent).Errors[1]);
            stream.Sent.Clear();
            stream.Type(NbdBench.Command(NbdWire.CMD_READ, 2, (ulong)offset, (uint)length));
            bench.Pump();
            NbdReplies replies = new();
            replies.Expect(2, offset, length);
            Assert.Equal(0u, replies.Parse(stream.Sent).Errors[2]);
            Assert.True(data.AsSpan().SequenceEqual(replies.Data(2)));
            Assert.True(data.AsSpan().SequenceEqual(bench.Image.Data.AsSpan((int)offset, length)));
        }
        bench.AssertAtRest();
    }

    [Fact]
    public void A_big_read_comes_in_pieces_unless_the_client_wants_one()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        Write(stream, 1, 0, ClientBench.Pattern(4 << 20, 1));
        bench.Pump();
        stream.Sent.Clear();
        stream.Type(NbdBench.Command(NbdWire.CMD_READ, 2, 0, 4 << 20));
        stream.Type(NbdBench.Command(NbdWire.CMD_READ, 3, 0, 4 << 20, NbdWire.CMD_FLAG_DF));
        bench.Pump();
        NbdReplies replies = new();
        replies.Expect(2, 0, 4 << 20);
        replies.Expect(3, 0, 4 << 20);
        _ = replies.Parse(stream.Sent);
        Assert.True(replies.Chunks[2] > 8);
        Assert.Equal(1, replies.Chunks[3]);
        Assert.Equal(replies.Data(2), replies.Data(3));
        bench.AssertAtRest();
    }

    [Fact]
    public void Holes_are_told_in_structured_reads_and_sent_as_zeros_otherwise()
    {
        foreach (bool structured in (bool[])[true, false])
        {
            NbdBench bench = new();
            FakeStream stream = bench.Ready(structured);
            Write(stream, 1, 65536, ClientBench.Pattern(65536, 1));
            bench.Pump();
            stream.Sent.Clear();
            stream.Type(NbdBench.Command(NbdWire.CMD_READ, 2, 0, 3 * 65536 + 512));
            bench.Pump();
            NbdReplies replies = new();
            replies.Expect(2, 0, 3 * 65536 + 512);
            _ = replies.Parse(stream.Sent);
            Assert.Equal(structured ? 2 : 0, replies.Holes);
            Assert.True(replies.Data(2).AsSpan().SequenceEqual(bench.Image.Data.AsSpan(0, 3 * 65536 + 512)));
            bench.AssertAtRest();
        }
    }

    [Fact]
    public void Trim_and_write_zeroes_make_zeros_and_block_status_tells_the_difference()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        Write(stream, 1, 0, ClientBench.Pattern(65536, 1));
        bench.Pump();
        stream.Type(NbdBench.Command(NbdWire.CMD_TRIM, 2, 8192, 4096));
        stream.Type(NbdBench.Command(NbdWire.CMD_WRITE_ZEROES, 3, 16384, 4096, NbdWire.CMD_FLAG_NO_HOLE));
        stream.Type(NbdBench.Command(NbdWire.CMD_WRITE_ZEROES, 4, 32768, 4096));
        bench.Pump();
        stream.Type(NbdBench.Command(NbdWire.CMD_BLOCK_STATUS, 5, 512, 131072));
        stream.Type(NbdBench.Command(NbdWire.CMD_BLOCK_STATUS, 6, 8192, 131072, NbdWire.CMD_FLAG_REQ_ONE));
        bench.Pump();
        NbdReplies replies = new NbdReplies().Parse(stream.Sent);
        Assert.Equal([(7680u, 0u), (4096u, 3u), (20480u, 0u), (4096u, 3u), (28672u, 0u), (65536u + 512, 3u)], replies.Extents[5]);
        Assert.Equal([(4096u, 3u)], replies.Extents[6]);
        Assert.Equal(new byte[4096], bench.Image.Data.AsSpan(8192, 4096).ToArray());
        Assert.Equal(new byte[4096], bench.Image.Data.AsSpan(16384, 4096).ToArray());
        bench.AssertAtRest();
    }

    public static TheoryData<string, ushort, ulong, uint, ushort, uint> Refused => new()
    {
        { "read beyond the end", NbdWire.CMD_READ, NbdBench.ImageBytes, 512, 0, NbdError.EINVAL },
        { "read far beyond", NbdWire.CMD_READ, ulong.MaxValue - 511, 512, 0, NbdError.EINVAL },
        { "read across the end", NbdWire.CMD_READ, NbdBench.ImageBytes - 512, 1024, 0, NbdError.EINVAL },
        { "read too much", NbdWire.CMD_READ, 0, NbdLimits.MaxRequestBytes + 512, 0, NbdError.EOVERFLOW },
        { "unaligned offset", NbdWire.CMD_READ, 1, 512, 0, NbdError.EINVAL },
        { "unaligned length", NbdWire.CMD_READ, 0, 1, 0, NbdError.EINVAL },
        { "unknown flag", NbdWire.CMD_READ, 0, 512, 0x80, NbdError.EINVAL },
        { "no hole on a trim", NbdWire.CMD_TRIM, 0, 512, NbdWire.CMD_FLAG_NO_HOLE, NbdError.EINVAL },
        { "trim beyond the end", NbdWire.CMD_TRIM, NbdBench.ImageBytes, 512, 0, NbdError.EINVAL },
        { "zeroes beyond the end", NbdWire.CMD_WRITE_ZEROES, NbdBench.ImageBytes, 512, 0, NbdError.ENOSPC },
        { "fast zero", NbdWire.CMD_WRITE_ZEROES, 0, 512, 16, NbdError.EINVAL },
        { "status of nothing", NbdWire.CMD_BLOCK_STATUS, 0, 0, 0, NbdError.EINVAL },
        { "status beyond the end", NbdWire.CMD_BLOCK_STATUS, NbdBench.ImageBytes, 512, 0, NbdError.EINVAL },
        { "unknown command", 8, 0, 512, 0, NbdError.EINVAL },
        { "unknown command", 0xFFFF, 0, 512, 0, NbdError.EINVAL },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Refuses_a_bad_command_and_serves_the_next(
        string what, ushort type, ulong offset, uint length, ushort flags, uint expected)
    {
        foreach (bool structured in (bool[])[true, false])
        {
            NbdBench bench = new();
            FakeStream stream = bench.Ready(structured);
            stream.Type(NbdBench.Command(type, 1, offset, length, flags));
            stream.Type(NbdBench.Command(NbdWire.CMD_FLUSH, 2, 0, 0));
            bench.Pump();
            NbdReplies replies = new NbdReplies().Parse(stream.Sent);
            Assert.True(expected == replies.Errors[1], $"{what}: {replies.Errors[1]}");
            Assert.Equal(0u, replies.Errors[2]);
            Assert.Equal(1, bench.Image.Submitted);
            bench.AssertAtRest();
        }
    }

    [Theory]
    [InlineData(NbdBench.ImageBytes, 4096, NbdError.ENOSPC)]
    [InlineData(100, 4096, NbdError.EINVAL)]
    [InlineData(0, 32 << 20, NbdError.EPERM)]
    public void The_data_of_a_refused_write_is_thrown_away(long offset, int length, uint expected)
    {
        NbdBench bench = new(readOnly: expected == NbdError.EPERM);
        FakeStream stream = bench.Ready();
        Write(stream, 1, offset, new byte[length]);
        stream.Type(NbdBench.Command(NbdWire.CMD_FLUSH, 2, 0, 0));
        bench.Pump(length / 32768 + 100);
        NbdReplies replies = new NbdReplies().Parse(stream.Sent);
        Assert.Equal(expected, replies.Errors[1]);
        Assert.Equal(0u, replies.Errors[2]);
        bench.AssertAtRest();
    }

    [Fact]
    public void A_monstrous_write_and_a_bad_magic_end_the_connection()
    {
        NbdBench bench = new();
        FakeStream first = bench.Ready();
        first.Type(NbdBench.Command(NbdWire.CMD_WRITE, 1, 0, NbdLimits.MaxRequestBytes + 512));
        FakeStream second = bench.Ready();
        second.Type(NbdBench.Command(NbdWire.CMD_READ, 1, 0, 512, 0, magic: 0x25609514));
        bench.Pump();
        Assert.True(first.IsClosed);
        Assert.True(second.IsClosed);
        Assert.Equal(2, bench.Stats.ProtocolErrors);
        bench.AssertAtRest();
    }

    [Theory]
    [InlineData(Errno.NoSpace, NbdError.ENOSPC)]
    [InlineData(Errno.Stale, NbdError.ESHUTDOWN)]
    [InlineData(Errno.Io, NbdError.EIO)]
    internal void Errors_of_the_image_reach_the_client(Errno failure, uint expected)
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        bench.Image.Failure = failure;
        Write(stream, 1, 0, new byte[1 << 20]);
        stream.Type(NbdBench.Command(NbdWire.CMD_READ, 2, 0, 8 << 20));
        stream.Type(NbdBench.Command(NbdWire.CMD_BLOCK_STATUS, 3, 0, 4096));
        stream.Type(NbdBench.Command(NbdWire.CMD_FLUSH, 4, 0, 0));
        bench.Pump();
        NbdReplies replies = new NbdReplies().Parse(stream.Sent);
        for (ulong cookie = 1; cookie <= 4; cookie++) { Assert.Equal(expected, replies.Errors[cookie]); }
        bench.AssertAtRest();
    }

    [Fact]
    public void Answers_in_the_order_in_which_things_end()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        for (ulong cookie = 1; cookie <= 64; cookie++) { Write(stream, cookie, (long)cookie * 4096, new byte[512]); }
        bench.Pump();
        NbdReplies replies = new NbdReplies().Parse(stream.Sent);
        Assert.Equal(64, replies.Order.Count);
        Assert.NotEqual(System.Linq.Enumerable.Order(replies.Order), replies.Order);
        bench.AssertAtRest();
    }

    [Fact]
    public void Requests_beyond_the_limit_wait_in_the_socket()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        bench.Image.IsStuck = true;
        for (ulong cookie = 1; cookie <= 2 * NbdLimits.MaxRequests; cookie++)
        {
            stream.Type(NbdBench.Command(NbdWire.CMD_READ, cookie, 0, 512));
        }
        bench.Pump();
        Assert.Equal(NbdLimits.MaxRequests, bench.Image.Pending);
        bench.Image.IsStuck = false;
        bench.Image.Kick();
        bench.Pump();
        NbdReplies replies = new();
        for (ulong cookie = 1; cookie <= 2 * NbdLimits.MaxRequests; cookie++) { replies.Expect(cookie, 0, 512); }
        Assert.Equal(2 * NbdLimits.MaxRequests, replies.Parse(stream.Sent).Errors.Count);
        bench.AssertAtRest();
    }

    [Fact]
    public void A_client_that_does_not_read_keeps_a_bounded_amount_of_memory()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        for (int i = 0; i < 4; i++) { Write(stream, (ulong)(1000 + i), i * (8L << 20), new byte[8 << 20]); }
        bench.Pump(1100);
        stream.Sent.Clear();
        stream.IsStuck = true;
        for (ulong cookie = 1; cookie <= 100; cookie++) { stream.Type(NbdBench.Command(NbdWire.CMD_READ, cookie, 0, 32 << 20)); }
        bench.Pump();
        Assert.True(stream.QueuedBytes < 24 << 20, $"{stream.QueuedBytes}");
        Assert.True(bench.Reactor.Buffers.Outstanding * 65536L < 24 << 20);
        FakeStream other = bench.Ready();
        other.Type(NbdBench.Command(NbdWire.CMD_READ, 7, 0, 4 << 20));
        bench.Pump();
        NbdReplies replies = new();
        replies.Expect(7, 0, 4 << 20);
        Assert.Equal(0u, replies.Parse(other.Sent).Errors[7]);
        stream.IsStuck = false;
        stream.HangUp();
        bench.AssertAtRest();
    }

    [Fact]
    public void Connections_share_the_budget_fairly()
    {
        NbdBench bench = new(budgetBytes: 32 << 20);
        FakeStream greedy = bench.Ready(structured: false);
        FakeStream modest = bench.Ready(structured: false);
        bench.Image.IsStuck = true;
        for (ulong cookie = 1; cookie <= 5; cookie++) { greedy.Type(NbdBench.Command(NbdWire.CMD_READ, cookie, 0, 20 << 20)); }
        bench.Pump(20);
        modest.Type(NbdBench.Command(NbdWire.CMD_READ, 1, 0, 4096));
        bench.Pump(20);
        Assert.Equal(2, bench.Image.Pending); // the greedy one waits for itself, not the other for it
        bench.Image.IsStuck = false;
        bench.Image.Kick();
        bench.Pump();
        NbdReplies replies = new();
        replies.Expect(1, 0, 4096);
        Assert.Equal(0u, replies.Parse(modest.Sent).Errors[1]);
        bench.AssertAtRest();
    }

    [Fact]
    public void Goodbye_is_answered_after_what_is_under_way()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        bench.Image.IsStuck = true;
        Write(stream, 1, 0, new byte[4096]);
        stream.Type(NbdBench.Command(NbdWire.CMD_DISC, 2, 0, 0));
        stream.Type(NbdBench.Command(NbdWire.CMD_READ, 3, 0, 512));
        bench.Pump(20);
        Assert.False(stream.IsClosed);
        bench.Image.IsStuck = false;
        bench.Image.Kick();
        bench.Pump(20);
        Assert.True(stream.IsClosed);
        NbdReplies replies = new NbdReplies().Parse(stream.Sent);
        Assert.Equal([1UL], replies.Order);
        bench.AssertAtRest();
    }

    /// <summary>By half a close or by a goodbye; also what waits because it reads slowly. Half a write is an error.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_client_that_sends_no_more_gets_all_its_answers(bool goodbye)
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        Write(stream, 1, 0, ClientBench.Pattern(24 << 20, 1));
        bench.Pump(1000);
        stream.Sent.Clear();
        stream.IsStuck = true;
        bench.Image.IsStuck = true;
        NbdReplies replies = new();
        for (ulong cookie = 2; cookie < 5; cookie++)
        {
            replies.Expect(cookie, 0, 24 << 20);
            stream.Type(NbdBench.Command(NbdWire.CMD_READ, cookie, 0, 24 << 20));
        }
        Write(stream, 5, 512, new byte[512]);
        if (goodbye)
        {
            stream.Type(NbdBench.Command(NbdWire.CMD_DISC, 6, 0, 0));
        }
        else
        {
            stream.Type(NbdBench.Command(NbdWire.CMD_WRITE, 6, 0, 8192));
            stream.Type(new byte[4096]);
            stream.EndInput();
        }
        bench.Pump();
        bench.Image.IsStuck = false;
        bench.Image.Kick();
        bench.Pump();
        Assert.False(stream.IsClosed);
        stream.IsStuck = false;
        bench.Pump(2000);
        Assert.True(stream.IsClosed);
        _ = replies.Parse(stream.Sent);
        for (ulong cookie = 2; cookie < 6; cookie++) { Assert.Equal(0u, replies.Errors[cookie]); }
        Assert.Equal(goodbye ? 4 : 5, replies.Errors.Count);
        if (!goodbye) { Assert.Equal(NbdError.ESHUTDOWN, replies.Errors[6]); }
        bench.AssertAtRest();
    }

    [Fact]
    public void A_lost_client_leaves_nothing_behind_wherever_it_was()
    {
        byte[] data = ClientBench.Pattern(1 << 20, 3);
        byte[] script = [.. NbdBench.Command(NbdWire.CMD_WRITE, 1, 512, 1 << 20), .. data,
            .. NbdBench.Command(NbdWire.CMD_READ, 2, 0, 4 << 20), .. NbdBench.Command(NbdWire.CMD_WRITE, 3, 0, 4096), .. data[..4096]];
        for (int cut = 0; cut < script.Length; cut += cut < 64 ? 1 : 49_999)
        {
            NbdBench bench = new();
            FakeStream stream = bench.Ready();
            bench.Image.IsStuck = cut % 2 == 0;
            stream.Type(script.AsSpan(0, cut));
            bench.Pump(cut / 32768 + 5);
            stream.HangUp();
            bench.Pump(5);
            Assert.Equal(bench.Image.Pending == 0 ? 1 : 0, bench.Ended);
            bench.AssertAtRest();
        }
    }

    [Fact]
    public void A_stopped_server_never_reports_success_for_half_a_write()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Ready();
        byte[] data = new byte[2 << 20];
        stream.Type(NbdBench.Command(NbdWire.CMD_WRITE, 1, 0, (uint)data.Length));
        stream.Type(data.AsSpan(0, 1 << 20));
        bench.Pump(200);
        bench.StopAll();
        bench.Pump(20);
        Assert.Equal(NbdError.ESHUTDOWN, new NbdReplies().Parse(stream.Sent).Errors[1]);
        Assert.True(stream.IsClosed);
        bench.AssertAtRest();
    }

    [Fact]
    public void Growth_of_the_image_is_usable_at_once_and_told_on_reconnect()
    {
        NbdBench bench = new();
        bench.Image.SizeBytes = 8 << 20;
        FakeStream old = bench.Ready();
        bench.Image.SizeBytes = 16 << 20;
        Write(old, 1, 12 << 20, new byte[512]);
        bench.Pump();
        Assert.Equal(0u, new NbdReplies().Parse(old.Sent).Errors[1]);
        bench.AssertAtRest();
    }

    /// <summary>Goal: no sequence of commands, sound or not, breaks the server. Method: random commands with random fields
    /// over two connections; whatever is answered must be well-formed, and nothing may leak.</summary>
    [Fact]
    public void Random_commands_never_hurt()
    {
        for (ulong seed = 0; seed < 60; seed++)
        {
            Prng prng = new(seed);
            NbdBench bench = new(readOnly: prng.Below(4) == 0);
            List<(FakeStream Stream, NbdReplies Replies)> clients = [];
            for (int c = 0; c < 2; c++) { clients.Add((bench.Ready(structured: prng.Below(2) == 0), new NbdReplies())); }
            for (ulong cookie = 1; cookie <= 40; cookie++)
            {
                (FakeStream stream, NbdReplies replies) = clients[prng.Below(2)];
                ushort type = (ushort)prng.Below(9);
                if (type == NbdWire.CMD_DISC && prng.Below(10) > 0) { type = NbdWire.CMD_READ; }
                uint length = (uint)(prng.Below(8) == 0 ? prng.Below(3_000_000) : 512 * prng.Below(300));
                ulong offset = prng.Below(20) == 0 ? prng.Next() : 512 * prng.Below((ulong)(NbdBench.ImageBytes / 512));
                ushort flags = (ushort)(prng.Below(6) == 0 ? prng.Below(65536) : 0);
                stream.Type(NbdBench.Command(type, cookie, offset, length, flags));
                if (type == NbdWire.CMD_WRITE) { stream.Type(new byte[length]); }
                if (type == NbdWire.CMD_READ && length <= NbdLimits.MaxRequestBytes) { replies.Expect(cookie, unchecked((long)offset), (int)length); }
                if (prng.Below(4) == 0) { bench.Pump(prng.Below(10)); }
                if (prng.Below(200) == 0) { stream.HangUp(); }
            }
            bench.Pump(600);
            foreach ((FakeStream stream, NbdReplies replies) in clients)
            {
                if (!stream.IsClosed) { _ = replies.Parse(stream.Sent); }
            }
            bench.AssertAtRest();
        }
    }
}
