using System;
using System.Buffers.Binary;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Roles.Nbd;
using Xunit;

namespace Fastblock.Tests.Unit.Nbd;

public sealed class NbdHandshakeTests
{
    private const int GreetingBytes = 18;

    private static string Hex(FakeStream stream, int from = GreetingBytes) => Convert.ToHexString(stream.Sent.ToArray().AsSpan(from));

    private static FakeStream Greeted(NbdBench bench)
    {
        FakeStream stream = bench.Connect();
        stream.Type([0, 0, 0, 3]);
        return stream;
    }

    [Fact]
    public void Greets_as_fixed_newstyle()
    {
        FakeStream stream = new NbdBench().Connect();
        Assert.Equal("4E42444D41474943" + "49484156454F5054" + "0003", Hex(stream, 0));
    }

    [Fact]
    public void Go_tells_size_flags_and_block_sizes()
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, NbdWire.OPT_GO, NbdBench.GoData("vol/demo"));
        bench.Pump();
        Assert.Equal(
            "0003E889045565A9" + "00000007" + "00000003" + "0000000E" + "0003" + "00000200" + "00001000" + "02000000"
            + "0003E889045565A9" + "00000007" + "00000003" + "0000000C" + "0000" + "0000000002800000" + "056D"
            + "0003E889045565A9" + "00000007" + "00000001" + "00000000",
            Hex(stream));
        bench.AssertAtRest();
    }

    [Fact]
    public void A_read_only_export_says_so_and_offers_no_changes()
    {
        NbdBench bench = new(readOnly: true);
        int flags = bench.Export.TransmissionFlags(structured: true);
        Assert.NotEqual(0, flags & NbdWire.FLAG_READ_ONLY);
        Assert.Equal(0, flags & (NbdWire.FLAG_SEND_TRIM | NbdWire.FLAG_SEND_WRITE_ZEROES));
        Assert.NotEqual(0, flags & NbdWire.FLAG_SEND_DF);
    }

    [Fact]
    public void Export_name_goes_straight_to_commands()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Connect();
        stream.Type([0, 0, 0, 1]);
        NbdBench.Option(stream, NbdWire.OPT_EXPORT_NAME, "vol/demo"u8);
        stream.Type(NbdBench.Command(NbdWire.CMD_FLUSH, 7, 0, 0));
        bench.Pump();
        Assert.Equal("0000000002800000" + "056D" + new string('0', 248) + "67446698" + "00000000" + "0000000000000007", Hex(stream));
        bench.AssertAtRest();
    }

    [Fact]
    public void An_unknown_export_is_refused_politely_where_the_protocol_can()
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, NbdWire.OPT_GO, NbdBench.GoData("other"));
        NbdBench.Option(stream, NbdWire.OPT_INFO, NbdBench.GoData("other"));
        bench.Pump();
        Assert.Equal("0003E889045565A9" + "00000007" + "80000006" + "00000000" + "0003E889045565A9" + "00000006" + "80000006" + "00000000",
            Hex(stream));
        NbdBench.Option(stream, NbdWire.OPT_EXPORT_NAME, "other"u8);
        bench.Pump();
        Assert.True(stream.IsClosed);
        bench.AssertAtRest();
    }

    [Fact]
    public void Lists_its_export_and_says_goodbye()
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, NbdWire.OPT_LIST, []);
        NbdBench.Option(stream, NbdWire.OPT_ABORT, []);
        bench.Pump();
        Assert.Equal(
            "0003E889045565A9" + "00000003" + "00000002" + "0000000C" + "00000008" + Convert.ToHexString("vol/demo"u8)
            + "0003E889045565A9" + "00000003" + "00000001" + "00000000" + "0003E889045565A9" + "00000002" + "00000001" + "00000000",
            Hex(stream));
        Assert.True(stream.IsClosed);
    }

    [Fact]
    public void Name_and_description_are_told_on_request()
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, NbdWire.OPT_INFO, NbdBench.GoData("", NbdWire.INFO_NAME, NbdWire.INFO_DESCRIPTION, 99));
        bench.Pump();
        string text = Encoding.ASCII.GetString(stream.Sent.ToArray());
        Assert.Contains("vol/demo", text, StringComparison.Ordinal);
        Assert.Contains("fastblock image vol/demo", text, StringComparison.Ordinal);
        Assert.False(stream.IsClosed);
    }

    [Theory]
    [InlineData(NbdWire.OPT_LIST_META_CONTEXT, 0u, new string[0])]
    [InlineData(NbdWire.OPT_LIST_META_CONTEXT, 0u, new[] { "base:" })]
    [InlineData(NbdWire.OPT_SET_META_CONTEXT, 1u, new[] { "x:y", "base:allocation" })]
    public void Offers_the_allocation_context(uint option, uint id, string[] queries)
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, NbdWire.OPT_STRUCTURED_REPLY, []);
        bench.Pump();
        stream.Sent.Clear();
        NbdBench.Option(stream, option, NbdBench.Context("", queries));
        bench.Pump();
        Assert.Equal(
            "0003E889045565A9" + option.ToString("X8") + "00000004" + "00000013" + id.ToString("X8")
            + Convert.ToHexString("base:allocation"u8) + "0003E889045565A9" + option.ToString("X8") + "00000001" + "00000000",
            Hex(stream, 0));
    }

    [Fact]
    public void Contexts_need_structured_replies()
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, NbdWire.OPT_SET_META_CONTEXT, NbdBench.Context("", "base:allocation"));
        bench.Pump();
        Assert.Equal("0003E889045565A9" + "0000000A" + "80000003" + "00000000", Hex(stream));
    }

    public static TheoryData<string, uint, byte[]> BadOptions => new()
    {
        { "list with data", NbdWire.OPT_LIST, [1] },
        { "structured with data", NbdWire.OPT_STRUCTURED_REPLY, [1] },
        { "empty go", NbdWire.OPT_GO, [] },
        { "go with a name beyond its data", NbdWire.OPT_GO, [0, 0, 0, 9, 1, 0, 0] },
        { "go with a huge name", NbdWire.OPT_GO, [0xFF, 0xFF, 0xFF, 0xFF, 0, 0] },
        { "go with missing infos", NbdWire.OPT_GO, [0, 0, 0, 0, 0, 2, 0, 1] },
        { "go with extra bytes", NbdWire.OPT_GO, [0, 0, 0, 0, 0, 0, 0, 1] },
        { "context without a count", NbdWire.OPT_SET_META_CONTEXT, [0, 0, 0, 0] },
        { "context with a huge count", NbdWire.OPT_SET_META_CONTEXT, [0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF] },
        { "context with extra bytes", NbdWire.OPT_SET_META_CONTEXT, [0, 0, 0, 0, 0, 0, 0, 0, 1] },
        { "unknown", 99, [1, 2, 3] },
        { "tls", 5, [] },
        { "extended headers", 11, [] },
        { "zero", 0, [] },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void A_bad_option_gets_an_error_and_the_handshake_goes_on(string what, uint option, byte[] data)
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, option, data);
        bench.Pump();
        byte[] reply = stream.Sent.ToArray()[GreetingBytes..];
        Assert.Equal(option, BinaryPrimitives.ReadUInt32BigEndian(reply.AsSpan(8)));
        Assert.True(BinaryPrimitives.ReadUInt32BigEndian(reply.AsSpan(12)) >= 0x80000000, what);
        stream.Sent.Clear();
        NbdBench.Option(stream, NbdWire.OPT_GO, NbdBench.GoData(""));
        stream.Type(NbdBench.Command(NbdWire.CMD_FLUSH, 1, 0, 0));
        bench.Pump();
        Assert.EndsWith("67446698" + "00000000" + "0000000000000001", Hex(stream, 0), StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_option_is_skipped_a_monstrous_one_ends_the_connection()
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        NbdBench.Option(stream, 42, new byte[NbdLimits.MaxOptionBytes + 1]);
        NbdBench.Option(stream, NbdWire.OPT_STRUCTURED_REPLY, []);
        bench.Pump();
        Assert.Equal("0003E889045565A9" + "0000002A" + "80000009" + "00000000" + "0003E889045565A9" + "00000008" + "00000001" + "00000000",
            Hex(stream));
        stream.Type([.. "IHAVEOPT"u8, 0, 0, 0, 42, 0x7F, 0xFF, 0xFF, 0xFF]);
        bench.Pump();
        Assert.True(stream.IsClosed);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 4 })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 0, 0, 0, 0 })]
    public void What_is_not_the_protocol_ends_the_connection(byte[] bytes)
    {
        NbdBench bench = new();
        FakeStream stream = bench.Connect();
        stream.Type(bytes);
        bench.Pump();
        Assert.True(stream.IsClosed);
        bench.AssertAtRest();
    }

    [Fact]
    public void A_client_that_never_finishes_its_handshake_is_sent_away()
    {
        NbdBench bench = new();
        FakeStream stream = Greeted(bench);
        bench.Pump(10);
        Assert.False(stream.IsClosed);
        bench.Clock.NowNanos += NbdLimits.HandshakeNanos;
        bench.Pump(10);
        Assert.True(stream.IsClosed);
    }

    [Fact]
    public void Works_when_bytes_trickle_in_one_by_one()
    {
        NbdBench bench = new();
        FakeStream stream = bench.Connect();
        stream.Grain = 1;
        stream.Type([0, 0, 0, 3]);
        NbdBench.Option(stream, NbdWire.OPT_STRUCTURED_REPLY, []);
        NbdBench.Option(stream, NbdWire.OPT_GO, NbdBench.GoData(""));
        stream.Type(NbdBench.Command(NbdWire.CMD_WRITE, 1, 512, 512));
        stream.Type(new byte[512]);
        bench.Pump(1000);
        Assert.EndsWith("67446698" + "00000000" + "0000000000000001", Hex(stream, 0), StringComparison.Ordinal);
        bench.AssertAtRest();
    }

    [Fact]
    public void Random_bytes_never_hurt()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            Prng prng = new(seed);
            NbdBench bench = new();
            FakeStream stream = Greeted(bench);
            for (int n = prng.Below(6); n >= 0; n--)
            {
                byte[] data = new byte[prng.Below(60)];
                for (int i = 0; i < data.Length; i++) { data[i] = unchecked((byte)(prng.Below(3) == 0 ? prng.Next() : 0)); }
                if (prng.Below(5) > 0) { NbdBench.Option(stream, (uint)prng.Below(12), data); } else { stream.Type(data); }
            }
            bench.Pump(50);
            bench.AssertAtRest();
        }
    }
}
