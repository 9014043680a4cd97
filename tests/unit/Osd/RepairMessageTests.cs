using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Fastblock.Roles.Osd;
using Xunit;

namespace Fastblock.Tests.Unit.Osd;

/// <summary>Questions about damaged blocks and their answers: the bytes are pinned, and no bytes make a reader throw.</summary>
public sealed class RepairMessageTests
{
    private const string GoldenMessage = "01000000" + "78563412" + "0807060504030201" + "0200000000000000" + "0300000000000000" + "04000000" + "05000000"
        + "0600000000000000" + "00000000000000000000000000000000";

    private static RepairMessage Message => new()
    {
        Op = RepairOp.Block,
        Tag = 0x12345678,
        Pg = new PgId(0x0102030405060708),
        Incarnation = 2,
        Object = new ObjectId(new ImageId(3), 4),
        Block = 5,
        Applied = 6,
    };

    [Fact]
    public void The_bytes_of_a_question_are_pinned()
    {
        byte[] body = new byte[RepairMessage.SizeBytes];
        Message.Write(body);
        Assert.Equal(GoldenMessage, Convert.ToHexString(body));
        Assert.True(RepairMessage.TryRead(body, out RepairMessage read));
        Assert.Equal(Message, read);
    }

    [Fact]
    public void A_question_of_another_length_or_beyond_an_object_is_refused()
    {
        byte[] body = Convert.FromHexString(GoldenMessage);
        for (int length = 0; length < body.Length; length++) { Assert.False(RepairMessage.TryRead(body.AsSpan(0, length), out _)); }
        Assert.False(RepairMessage.TryRead([.. body, 0], out _));
        body[37] = 4; // block 1,029
        Assert.False(RepairMessage.TryRead(body, out _));
    }

    [Fact]
    public void The_lines_of_an_answer_come_back()
    {
        byte[] items = new byte[2 * ScrubLine.SizeBytes];
        WireWriter writer = new(items);
        ScrubLine one = new(new ObjectId(new ImageId(3), 4), 5, 6, 7);
        ScrubLine other = new(new ObjectId(new ImageId(8), 9), 10, 11, 12);
        one.Write(ref writer);
        other.Write(ref writer);
        byte[] body = new byte[RepairAnswer.HeaderBytes + items.Length];
        RepairAnswer answer = new() { Op = RepairOp.ScrubResult, Tag = 1, Items = items };
        Assert.Equal(body.Length, answer.Write(body));
        Assert.True(RepairAnswer.TryRead(body, 0, out RepairAnswer read));
        List<ScrubLine> lines = [];
        ScrubLine.ReadAll(read.Items, lines);
        Assert.Equal([one, other], lines);
    }

    [Fact]
    public void Random_questions_and_answers_are_refused_or_sound()
    {
        Prng prng = new(7);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] random = new byte[prng.Below(2) == 0 ? RepairMessage.SizeBytes : prng.Below(128)];
            for (int b = 0; b < random.Length; b++) { random[b] = (byte)prng.Below(prng.Below(2) == 0 ? 4 : 256); }
            if (RepairMessage.TryRead(random, out RepairMessage message)) { Assert.InRange(message.Block, 0, 1023); }
            int payload = prng.Below(2) * Units.BlockBytes;
            if (!RepairAnswer.TryRead(random, payload, out RepairAnswer answer)) { continue; }
            Assert.True(payload == 0 || answer.Status == Errno.None);
            Assert.Equal(0, answer.Items.Length % ScrubLine.SizeBytes);
        }
    }
}
