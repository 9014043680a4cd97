using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Roles.Nbd;
using Xunit;

namespace Fastblock.Tests.Unit.Nbd;

/// <summary>Takes apart what a server sent in the transmission phase; fails on anything that the protocol does not allow.</summary>
internal sealed class NbdReplies
{
    public Dictionary<ulong, uint> Errors { get; } = [];
    public List<ulong> Order { get; } = [];
    public Dictionary<ulong, int> Chunks { get; } = [];
    public Dictionary<ulong, List<(uint Length, uint Flags)>> Extents { get; } = [];
    public int Holes { get; private set; }

    private readonly Dictionary<ulong, (long Offset, byte[] Data, int Seen)> _reads = [];

    /// <summary>Expects a read of this cookie, so that its data can be put together.</summary>
    public void Expect(ulong cookie, long offset, int length) => _reads[cookie] = (offset, new byte[length], 0);

    public byte[] Data(ulong cookie) => _reads[cookie].Data;

    public NbdReplies Parse(List<byte> sent)
    {
        ReadOnlySpan<byte> rest = sent.ToArray();
        while (!rest.IsEmpty)
        {
            uint magic = BinaryPrimitives.ReadUInt32BigEndian(rest);
            rest = magic == NbdWire.SimpleReplyMagic ? Simple(rest) : Chunk(rest);
        }
        return this;
    }

    private ReadOnlySpan<byte> Simple(ReadOnlySpan<byte> rest)
    {
        uint error = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
        ulong cookie = BinaryPrimitives.ReadUInt64BigEndian(rest[8..]);
        End(cookie, error);
        rest = rest[16..];
        if (error == 0 && _reads.TryGetValue(cookie, out (long Offset, byte[] Data, int Seen) read))
        {
            rest[..read.Data.Length].CopyTo(read.Data);
            rest = rest[read.Data.Length..];
        }
        return rest;
    }

    private ReadOnlySpan<byte> Chunk(ReadOnlySpan<byte> rest)
    {
        Assert.Equal(NbdWire.StructuredReplyMagic, BinaryPrimitives.ReadUInt32BigEndian(rest));
        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(rest[4..]);
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(rest[6..]);
        ulong cookie = BinaryPrimitives.ReadUInt64BigEndian(rest[8..]);
        int length = BinaryPrimitives.ReadInt32BigEndian(rest[16..]);
        ReadOnlySpan<byte> body = rest.Slice(20, length);
        Chunks[cookie] = Chunks.GetValueOrDefault(cookie) + 1;
        uint error = 0;
        switch (type)
        {
            case NbdWire.REPLY_TYPE_OFFSET_DATA:
                Place(cookie, BinaryPrimitives.ReadInt64BigEndian(body), body.Length - 8, body[8..]);
                break;
            case NbdWire.REPLY_TYPE_OFFSET_HOLE:
                Holes++;
                Place(cookie, BinaryPrimitives.ReadInt64BigEndian(body), BinaryPrimitives.ReadInt32BigEndian(body[8..]), default);
                break;
            case NbdWire.REPLY_TYPE_BLOCK_STATUS:
                Assert.Equal(1u, BinaryPrimitives.ReadUInt32BigEndian(body));
                List<(uint, uint)> extents = [];
                for (int at = 4; at < body.Length; at += 8)
                {
                    extents.Add((BinaryPrimitives.ReadUInt32BigEndian(body[at..]), BinaryPrimitives.ReadUInt32BigEndian(body[(at + 4)..])));
                }
                Extents[cookie] = extents;
                break;
            case NbdWire.REPLY_TYPE_ERROR:
                error = BinaryPrimitives.ReadUInt32BigEndian(body);
                break;
            default:
                Assert.Equal(NbdWire.REPLY_TYPE_NONE, type);
                break;
        }
        if ((flags & NbdWire.REPLY_FLAG_DONE) != 0) { End(cookie, error); }
        return rest[(20 + length)..];
    }

    private void Place(ulong cookie, long offset, int length, ReadOnlySpan<byte> data)
    {
        (long start, byte[] all, int seen) = _reads[cookie];
        Span<byte> target = all.AsSpan((int)(offset - start), length);
        if (data.IsEmpty) { target.Clear(); } else { data.CopyTo(target); }
        _reads[cookie] = (start, all, seen + length);
    }

    private void End(ulong cookie, uint error)
    {
        Assert.True(Errors.TryAdd(cookie, error), $"cookie {cookie} was answered twice");
        Order.Add(cookie);
        if (error == 0 && _reads.TryGetValue(cookie, out (long Offset, byte[] Data, int Seen) read) && Chunks.ContainsKey(cookie))
        {
            Assert.Equal(read.Data.Length, read.Seen);
        }
    }
}
