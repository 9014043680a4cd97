using System;
using Fastblock.Native.Base;
using Fastblock.Roles.Osd;
using Xunit;

namespace Fastblock.Tests.Unit.Osd;

/// <summary>Hand-over messages and stored PG state: their bytes are pinned, and no bytes make a reader throw.</summary>
public sealed class OsdHostileInputTests
{
    private const string GoldenMessage = "04010100040000000807060504030201020000000000000003000000000000000400000000000000"
        + "050000000000000006000000000000000700000008000000" + "00000000000000000000000000000000" + "DDCCBBAA";

    private const string GoldenAnswer = "0300000011000000" + "0807060504030201" + "0200000000000000" + "5AA5";

    private static readonly PgId Pg = new(0x0102030405060708);

    [Fact]
    public void The_bytes_of_a_message_are_pinned()
    {
        byte[] body = new byte[HandOverMessage.HeaderBytes + 4];
        Assert.Equal(body.Length, Message().Write(body));
        Assert.Equal(GoldenMessage, Convert.ToHexString(body));
        Assert.True(HandOverMessage.TryRead(body, Units.BlockBytes, out HandOverMessage read));
        byte[] again = new byte[body.Length];
        Assert.Equal(body.Length, read.Write(again));
        Assert.Equal(body, again);
        Assert.True(read.HasMore);
    }

    [Fact]
    public void A_message_that_is_cut_longer_or_has_another_payload_is_refused()
    {
        byte[] body = Convert.FromHexString(GoldenMessage);
        for (int length = 0; length < body.Length; length++)
        {
            Assert.False(HandOverMessage.TryRead(body.AsSpan(0, length), Units.BlockBytes, out _));
        }
        Assert.False(HandOverMessage.TryRead([.. body, 0], Units.BlockBytes, out _));
        Assert.False(HandOverMessage.TryRead(body, 0, out _));
        Assert.False(HandOverMessage.TryRead(body, 2 * Units.BlockBytes, out _));
    }

    [Fact]
    public void Flipped_and_random_messages_are_refused_or_sound()
    {
        Flip(Convert.FromHexString(GoldenMessage), flipped =>
        {
            if (!HandOverMessage.TryRead(flipped, Units.BlockBytes, out HandOverMessage read)) { return; }
            Assert.Equal((HandOverOp.Data, 1, 4), (read.Op, read.Count, read.Items.Length));
            Assert.True(read.FirstBlock >= 0 && read.Version != 0);
        });
        byte[] golden = Convert.FromHexString(GoldenMessage);
        Randomly(128, (random, prng) =>
        {
            _ = HandOverMessage.TryRead(random, prng.Below(1 << 20), out _);
            // A head of the right form gets further.
            golden.AsSpan(0, Math.Min(random.Length, 8)).CopyTo(random);
            if (random.Length > 0) { random[0] = (byte)prng.Below(7); }
            if (HandOverMessage.TryRead(random, prng.Chance(500_000) ? 0 : Units.BlockBytes, out HandOverMessage read))
            {
                Assert.True(read.FirstBlock >= 0);
            }
        });
    }

    [Fact]
    public void The_bytes_of_an_answer_are_pinned()
    {
        byte[] body = new byte[HandOverAnswer.HeaderBytes + 2];
        HandOverAnswer answer = new() { Op = HandOverOp.Objects, Status = Errno.Exists, Pg = Pg, Wanted = [0x5A, 0xA5] };
        Assert.Equal(body.Length, answer.Write(body));
        Assert.Equal(GoldenAnswer, Convert.ToHexString(body));
        Assert.True(HandOverAnswer.TryRead(body, out HandOverAnswer read));
        Assert.Equal((HandOverOp.Objects, Errno.Exists, Pg), (read.Op, read.Status, read.Pg));
        Assert.Equal([0x5A, 0xA5], read.Wanted.ToArray());
    }

    [Fact]
    public void Cut_flipped_and_random_answers_are_refused_or_have_a_map_that_fits()
    {
        byte[] body = Convert.FromHexString(GoldenAnswer);
        for (int length = 0; length < body.Length; length++) { Assert.False(HandOverAnswer.TryRead(body.AsSpan(0, length), out _)); }
        Assert.False(HandOverAnswer.TryRead([.. body, 0], out _));
        byte[] large = [.. body.AsSpan(0, HandOverAnswer.HeaderBytes), .. new byte[(HandOverMessage.MaxListItems / 8) + 1]];
        large[16] = (HandOverMessage.MaxListItems / 8) + 1;
        Assert.False(HandOverAnswer.TryRead(large, out _));
        Flip(body, flipped =>
        {
            if (HandOverAnswer.TryRead(flipped, out HandOverAnswer read)) { Assert.Equal(2, read.Wanted.Length); }
        });
        Randomly(200, (random, prng) =>
        {
            if (random.Length >= HandOverAnswer.HeaderBytes && prng.Chance(500_000))
            {
                random.AsSpan(16, 4).Clear();
                random[16] = (byte)(random.Length - HandOverAnswer.HeaderBytes);
            }
            if (HandOverAnswer.TryRead(random, out HandOverAnswer read)) { Assert.InRange(read.Wanted.Length, 0, HandOverMessage.MaxListItems / 8); }
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Cut_flipped_and_random_sessions_are_refused_or_can_be_used(bool open)
    {
        ImageSession session = new(new ImageId(7));
        _ = session.Open(3, 1 << 20);
        session.Record(4, 2, 0);
        if (!open) { session.Close(3); }
        byte[] bytes = new byte[ImageSession.MaxStoredBytes];
        bytes = bytes[..session.Store(bytes, asOf: 9)];
        for (int length = 0; length < bytes.Length; length++)
        {
            // The form from before sizes had a generation lacks one number.
            Assert.Equal(length == bytes.Length - sizeof(ulong), ImageSession.TryLoad(bytes.AsSpan(0, length), out _));
        }
        Assert.False(ImageSession.TryLoad([.. bytes, 0], out _));
        Flip(bytes, flipped => Use(flipped));
        Randomly(ImageSession.MaxStoredBytes + 1, (random, prng) =>
        {
            Use(random);
            byte[] spliced = [.. bytes];
            for (int i = prng.Below(40); i > 0; i--) { spliced[prng.Below(spliced.Length)] = unchecked((byte)prng.Next()); }
            Use(spliced);
        });

        static void Use(byte[] stored)
        {
            if (!ImageSession.TryLoad(stored, out ImageSession read)) { return; }
            Assert.True(read.LowestUnfinished > 0);
            byte[] again = new byte[ImageSession.MaxStoredBytes];
            int length = read.Store(again, read.AsOf);
            if (length == stored.Length) { Assert.Equal(stored, again[..length]); }
            ulong sequence = read.LowestUnfinished;
            if (read.Judge(read.OwnerGeneration, sequence, sequence) == SessionVerdict.Fresh) { read.Record(sequence, sequence, 0); }
        }
    }

    [Fact]
    public void Cut_flipped_and_random_refusals_are_refused_or_can_be_forgotten()
    {
        byte[] bytes = new byte[4 * sizeof(ulong)];
        for (int i = 0; i < 4; i++) { bytes[i * sizeof(ulong)] = (byte)(10 + i); }
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(length > 0 && length % sizeof(ulong) == 0, new RefusedEntries().TryLoad(bytes.AsSpan(0, length)));
        }
        Flip(bytes, Use);
        Randomly(100, (random, _) => Use(random));

        static void Use(byte[] stored)
        {
            RefusedEntries entries = new();
            if (!entries.TryLoad(stored)) { return; }
            ulong first = BitConverter.ToUInt64(stored);
            Assert.True(entries.Contains(first));
            entries.ForgetUpTo(first);
            Assert.False(entries.Contains(first));
            entries.Clear();
        }
    }

    private static HandOverMessage Message() => new()
    {
        Op = HandOverOp.Data,
        Flags = HandOverMessage.More,
        Count = 1,
        Pg = Pg,
        Incarnation = 2,
        Index = 3,
        Term = 4,
        Object = new ObjectId(new ImageId(5), 7),
        Version = 6,
        FirstBlock = 8,
        Items = [0xDD, 0xCC, 0xBB, 0xAA],
    };

    private static void Flip(byte[] bytes, Action<byte[]> read)
    {
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] flipped = [.. bytes];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            read(flipped);
        }
    }

    private static void Randomly(int maxBytes, Action<byte[], Prng> read)
    {
        Prng prng = new(6);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] random = new byte[prng.Below(maxBytes + 1)];
            for (int i = 0; i < random.Length; i++) { random[i] = unchecked((byte)prng.Next()); }
            read(random, prng);
        }
    }
}
