using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Nbd;
using Fastblock.Tests.Unit.Client;
using Xunit;

namespace Fastblock.Tests.Unit.Nbd;

/// <summary>A server with connections over <see cref="FakeStream"/>, and the client's side of the protocol by hand.</summary>
internal sealed class NbdBench : INbdServer
{
    public const int ImageBytes = 40 << 20;
    private readonly List<(NbdConnection Connection, FakeStream Stream)> _all = [];

    public NbdBench(bool readOnly = false, long budgetBytes = 48 << 20)
    {
        Reactor = new Reactor(0, Clock, new Prng(1), new NullEventSource(),
            new BufferPool([(4096, 600), (65536, 700), (512 * 1024, 80)], poison: true));
        Image = new MemoryImage(Reactor, ImageBytes, readOnly);
        Export = new NbdExport("vol/demo", Image, readOnly);
        Budget = new NbdBudget(budgetBytes);
        BudgetBytes = budgetBytes;
        Zeros = Reactor.Buffers.TryRent(65536)!;
        Zeros.Span(0, 65536).Clear();
    }

    public ManualClock Clock { get; } = new();
    public Reactor Reactor { get; }
    public MemoryImage Image { get; }
    public NbdExport Export { get; }
    public NbdBudget Budget { get; }
    public long BudgetBytes { get; }
    public NbdStats Stats { get; } = new();
    public PooledBuffer Zeros { get; }
    public int Ended { get; private set; }

    public void OnConnectionEnded(NbdConnection connection) => Ended++;

    public FakeStream Connect()
    {
        NbdConnection connection = new(this);
        FakeStream stream = new(connection);
        _all.Add((connection, stream));
        connection.Start(stream);
        return stream;
    }

    /// <summary>Connects and negotiates to the transmission phase with GO.</summary>
    public FakeStream Ready(bool structured = true, bool context = true)
    {
        FakeStream stream = Connect();
        stream.Type([0, 0, 0, 3]);
        if (structured) { Option(stream, NbdWire.OPT_STRUCTURED_REPLY, []); }
        if (structured && context) { Option(stream, NbdWire.OPT_SET_META_CONTEXT, Context("", "base:allocation")); }
        Option(stream, NbdWire.OPT_GO, GoData(""));
        Pump();
        Assert.False(stream.IsClosed);
        stream.Sent.Clear();
        return stream;
    }

    public void StopAll()
    {
        foreach ((NbdConnection connection, _) in _all) { connection.Stop(); }
    }

    public void Pump(int rounds = 400)
    {
        for (int i = 0; i < rounds; i++)
        {
            Clock.NowNanos += 100_000;
            foreach ((_, FakeStream stream) in _all) { stream.Pump(); }
            _ = Reactor.RunOnce();
            foreach ((NbdConnection connection, _) in _all) { connection.OnIterationEnd(); }
        }
    }

    /// <summary>After all streams are closed: nothing leaks.</summary>
    public void AssertAtRest()
    {
        foreach ((_, FakeStream stream) in _all)
        {
            if (!stream.IsClosed) { stream.HangUp(); }
        }
        Image.IsStuck = false;
        Image.Kick();
        Pump();
        Assert.Equal(_all.Count, Ended);
        Assert.Equal(1, Reactor.Buffers.Outstanding); // the zeros
        Assert.Equal(BudgetBytes, Budget.FreeBytes);
    }

    public static void Option(FakeStream stream, uint option, ReadOnlySpan<byte> data)
    {
        byte[] header = new byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(header, NbdWire.IHAVEOPT);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(8), option);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(12), (uint)data.Length);
        stream.Type(header);
        stream.Type(data);
    }

    public static byte[] GoData(string name, params ushort[] infos)
    {
        byte[] text = Encoding.UTF8.GetBytes(name);
        byte[] data = new byte[4 + text.Length + 2 + infos.Length * 2];
        BinaryPrimitives.WriteInt32BigEndian(data, text.Length);
        text.CopyTo(data, 4);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4 + text.Length), (ushort)infos.Length);
        for (int i = 0; i < infos.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(6 + text.Length + 2 * i), infos[i]);
        }
        return data;
    }

    public static byte[] Context(string name, params string[] queries)
    {
        List<byte> data = [];
        Add(data, name);
        byte[] count = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(count, queries.Length);
        data.AddRange(count);
        foreach (string query in queries) { Add(data, query); }
        return [.. data];
    }

    public static byte[] Command(ushort type, ulong cookie, ulong offset, uint length, ushort flags = 0, uint magic = NbdWire.RequestMagic)
    {
        byte[] header = new byte[28];
        BinaryPrimitives.WriteUInt32BigEndian(header, magic);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), flags);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), type);
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(8), cookie);
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(16), offset);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(24), length);
        return header;
    }

    private static void Add(List<byte> data, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        data.AddRange(length);
        data.AddRange(bytes);
    }
}
