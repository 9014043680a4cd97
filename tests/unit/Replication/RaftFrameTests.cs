using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>The frames between replicas: they survive the round trip, and no bytes from outside do any harm.</summary>
public sealed class RaftFrameTests : IDisposable
{
    private readonly BufferPool _buffers = new([(4096, 32), (64 * 1024, 4)]);

    public void Dispose() => _buffers.Dispose();

    private static RaftMessage Sample(MessageKind kind, ulong n) => new()
    {
        Kind = kind,
        Flags = MessageFlags.Reject,
        Term = new Term(n + 1),
        Index = new LogIndex(n + 2),
        LogTerm = new Term(n + 3),
        Commit = new LogIndex(n + 4),
        Hint = new LogIndex(n + 5),
        Stamp = (long)n + 6,
    };

    private (byte[] Body, int Payload) SampleFrame()
    {
        RaftFrameWriter writer = new();
        Assert.True(writer.TryAdd(new PgId(7), 3, Sample(MessageKind.VoteRequest, 10)));
        Assert.True(writer.TryBegin(new PgId(8), 4, Sample(MessageKind.Append, 20)));
        PooledBuffer payload = _buffers.TryRent(8192)!;
        Assert.True(writer.TryAddEntry(new Term(5), EntryKind.Data, [1, 2, 3], [11U, 12U], payload, 0, 8192));
        Assert.True(writer.TryAddEntry(new Term(6), EntryKind.NoOp, [], [], null, 0, 0));
        Assert.Equal(2, writer.End());
        Assert.True(writer.TryBegin(new PgId(9), 4, Sample(MessageKind.Append, 30)));
        Assert.True(writer.TryAddEntry(new Term(7), EntryKind.Data, [9], [13U], payload, 4096, 4096));
        writer.Cancel();
        payload.Release();
        Assert.Single(writer.Parts.ToArray());
        (byte[], int) frame = (writer.Body.ToArray(), writer.PayloadBytes);
        writer.Clear();
        Assert.Equal(0, _buffers.Outstanding);
        return frame;
    }

    [Fact]
    public void Messages_and_entries_survive_the_round_trip()
    {
        (byte[] body, int payload) = SampleFrame();
        Assert.True(RaftFrameReader.TryOpen(body, payload, out RaftFrameReader reader));
        ReceivedEntry[] entries = new ReceivedEntry[RaftLimits.MaxEntriesPerMessage];
        Assert.True(reader.TryRead(out PgId group, out ulong incarnation, out RaftMessage message, entries));
        Assert.Equal((new PgId(7), 3UL, Sample(MessageKind.VoteRequest, 10)), (group, incarnation, message));
        Assert.True(reader.TryRead(out group, out incarnation, out message, entries));
        Assert.Equal((new PgId(8), 4UL, 2), (group, incarnation, message.EntryCount));
        Assert.Equal([1, 2, 3], reader.Header(in entries[0]).ToArray());
        Assert.Equal([11U, 12U], reader.Crcs(in entries[0]).ToArray());
        Assert.Equal((8192, 0, new Term(5)), (entries[0].PayloadBytes, entries[0].PayloadOffset, entries[0].Term));
        Assert.Equal((0, EntryKind.NoOp), (entries[1].PayloadBytes, entries[1].Kind));
        Assert.True(reader.IsAtEnd && reader.IsComplete);
    }

    [Fact]
    public void The_layout_is_as_documented()
    {
        (byte[] body, _) = SampleFrame();
        Assert.Equal(8 + 72 + 72 + (16 + 8 + 8) + 16, body.Length);
        Assert.Equal(2, body[0]);
        Assert.Equal(7, body[8]); // group
        Assert.Equal(3, body[16]); // incarnation
        Assert.Equal((byte)MessageKind.VoteRequest, body[8 + 64]);
        Assert.Equal((byte)MessageFlags.Reject, body[8 + 65]);
        Assert.Equal(2, body[8 + 72 + 66]); // entries of the second message
    }

    [Fact]
    public void Truncated_mangled_and_random_frames_are_refused_or_harmless()
    {
        (byte[] body, int payload) = SampleFrame();
        for (int length = 0; length < body.Length; length++) { Assert.False(ReadAll(body.AsSpan(0, length), payload)); }
        Assert.False(ReadAll(body, payload - 4096));
        Assert.False(ReadAll(body, payload + 4096));
        byte[] longer = new byte[body.Length + 8];
        body.CopyTo(longer, 0);
        Assert.False(ReadAll(longer, payload));
        Prng prng = new(9);
        for (int i = 0; i < body.Length * 8; i++)
        {
            byte[] mangled = (byte[])body.Clone();
            mangled[i / 8] ^= (byte)(1 << (i % 8));
            _ = ReadAll(mangled, payload);
        }
        for (int i = 0; i < 20_000; i++)
        {
            byte[] random = new byte[prng.Below(400)];
            for (int k = 0; k < random.Length; k++) { random[k] = (byte)(prng.Chance(600_000) ? prng.Below(4) : prng.Below(256)); }
            _ = ReadAll(random, prng.Below(5) * 4096);
        }
    }

    private static bool ReadAll(ReadOnlySpan<byte> body, int payloadBytes)
    {
        ReceivedEntry[] entries = new ReceivedEntry[RaftLimits.MaxEntriesPerMessage];
        if (!RaftFrameReader.TryOpen(body, payloadBytes, out RaftFrameReader reader)) { return false; }
        while (!reader.IsAtEnd)
        {
            if (!reader.TryRead(out _, out _, out RaftMessage message, entries)) { return false; }
            for (int i = 0; i < message.EntryCount; i++)
            {
                _ = reader.Header(in entries[i]);
                _ = reader.Crcs(in entries[i]);
                Assert.InRange(entries[i].PayloadOffset + entries[i].PayloadBytes, 0, payloadBytes);
            }
        }
        return reader.IsComplete;
    }

    [Fact]
    public void A_full_frame_says_so_and_stays_whole()
    {
        RaftFrameWriter writer = new();
        int messages = 0;
        while (writer.TryAdd(new PgId(1), 1, Sample(MessageKind.AppendReply, 1))) { messages++; }
        Assert.Equal(RaftFrameFormat.MaxMessages, messages);
        Assert.True(ReadAll(writer.Body, 0));
        writer.Clear();
        Assert.True(writer.TryBegin(new PgId(1), 1, Sample(MessageKind.Append, 1)));
        byte[] header = new byte[ReplicationLimits.MaxHeaderBytes];
        int entries = 0;
        while (writer.TryAddEntry(new Term(1), EntryKind.Data, header, [], null, 0, 0)) { entries++; }
        Assert.InRange(entries, 10, 16);
        Assert.Equal(entries, writer.End());
        Assert.True(ReadAll(writer.Body, 0));
    }

    [Fact]
    public void Heartbeats_survive_the_round_trip_and_bad_ones_are_refused()
    {
        HeartbeatBeat beat = new(1, 2, 3, 4);
        HeartbeatChange[] changes = [new(5, true, new PgId(6), 7, new Term(8)), new(9, false, default, 0, default)];
        byte[] bytes = new byte[HeartbeatFrames.MaxBytes];
        int length = HeartbeatFrames.Write(bytes, in beat, changes);
        HeartbeatChange[] read = new HeartbeatChange[HeartbeatSender.MaxChanges];
        Assert.True(HeartbeatFrames.TryRead(bytes.AsSpan(0, length), out HeartbeatBeat readBeat, read, out int count));
        Assert.Equal((beat, 2, changes[0], changes[1]), (readBeat, count, read[0], read[1]));
        for (int cut = 0; cut < length; cut++) { Assert.False(HeartbeatFrames.TryRead(bytes.AsSpan(0, cut), out _, read, out _)); }
        HeartbeatAck ack = new(1, 2, 3, true);
        byte[] ackBytes = new byte[HeartbeatFrames.AckBytes + 8];
        Assert.Equal(ackBytes.Length, HeartbeatFrames.Write(ackBytes, in ack, [4U, 5U]));
        uint[] left = new uint[HeartbeatReceiver.MaxLeft];
        Assert.True(HeartbeatFrames.TryRead(ackBytes, out HeartbeatAck readAck, left, out int leftCount));
        Assert.Equal((ack, 2, 4U, 5U), (readAck, leftCount, left[0], left[1]));
        for (int cut = 0; cut < ackBytes.Length; cut++) { Assert.False(HeartbeatFrames.TryRead(ackBytes.AsSpan(0, cut), out _, left, out _)); }
        Fuzz(bytes.AsSpan(0, length).ToArray(), ackBytes);
    }

    private static void Fuzz(byte[] beatBytes, byte[] ackBytes)
    {
        Prng prng = new(3);
        HeartbeatChange[] changes = new HeartbeatChange[HeartbeatSender.MaxChanges];
        uint[] left = new uint[HeartbeatReceiver.MaxLeft];
        HeartbeatReceiver receiver = new();
        Nobody nobody = new();
        for (int i = 0; i < 20_000; i++)
        {
            byte[] mangled = (byte[])beatBytes.Clone();
            for (int n = prng.Below(4); n >= 0; n--) { mangled[prng.Below(mangled.Length)] ^= (byte)(1 << prng.Below(8)); }
            if (HeartbeatFrames.TryRead(mangled, out HeartbeatBeat beat, changes, out int count))
            {
                _ = receiver.OnBeat(in beat, changes.AsSpan(0, count), i, nobody, left, out _);
            }
            byte[] ack = (byte[])ackBytes.Clone();
            ack[prng.Below(ack.Length)] ^= (byte)(1 << prng.Below(8));
            _ = HeartbeatFrames.TryRead(ack, out _, left, out _);
        }
    }

    private sealed class Nobody : IHeartbeatSlots
    {
        public void OnSlotLeft(PgId group, uint slot) { }

        public bool TryBind(in HeartbeatChange change) => change.Slot % 2 == 0;

        public void OnUnbound(PgId group, uint slot, long heardAt) { }
    }
}
