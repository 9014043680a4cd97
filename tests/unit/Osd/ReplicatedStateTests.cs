using System;
using Fastblock.Native.Base;
using Fastblock.Roles.Osd;
using Fastblock.Storage.Kv;
using Xunit;

namespace Fastblock.Tests.Unit.Osd;

public sealed class ReplicatedStateTests
{
    private static PgOpHeader Op(PgOpKind kind, ulong generation = 1, ulong sequence = 0, ulong lowest = 0) => new()
    {
        Kind = kind,
        Image = 5,
        OwnerGeneration = generation,
        Sequence = sequence,
        LowestUnfinished = lowest,
        ImageBytes = 1 << 20,
        Blocks = 1,
    };

    [Fact]
    public void A_late_duplicate_in_the_log_changes_nothing_and_is_remembered_as_refused()
    {
        ReplicatedState state = new();
        Assert.Equal(SessionVerdict.Fresh, state.Apply(1, Op(PgOpKind.OpenSession)));
        Assert.Equal(SessionVerdict.Fresh, state.Apply(2, Op(PgOpKind.Write, sequence: 1, lowest: 1)));
        Assert.Equal(SessionVerdict.Duplicate, state.Apply(3, Op(PgOpKind.Write, sequence: 1, lowest: 1)));
        Assert.False(state.Refused.Contains(2));
        Assert.True(state.Refused.Contains(3));
        state.Refused.ForgetUpTo(2);
        Assert.True(state.Refused.Contains(3));
        state.Refused.ForgetUpTo(3);
        Assert.False(state.Refused.Contains(3));
    }

    [Fact]
    public void A_write_of_an_older_owner_is_refused_at_apply()
    {
        ReplicatedState state = new();
        _ = state.Apply(1, Op(PgOpKind.OpenSession));
        _ = state.Apply(2, Op(PgOpKind.OpenSession, generation: 2));
        Assert.Equal(SessionVerdict.StaleOwner, state.Apply(3, Op(PgOpKind.Write, sequence: 1, lowest: 1)));
        Assert.True(state.Refused.Contains(3));
    }

    [Fact]
    public void A_purge_forgets_the_session()
    {
        ReplicatedState state = new();
        _ = state.Apply(1, Op(PgOpKind.OpenSession));
        _ = state.Apply(2, Op(PgOpKind.PurgeImage));
        Assert.Equal(SessionVerdict.UnknownSession, state.Judge(Op(PgOpKind.Write, sequence: 1, lowest: 1)));
    }

    [Fact]
    public void After_a_cut_what_lies_beyond_is_refused_at_apply_whatever_size_its_leader_knew()
    {
        ReplicatedState state = new(blocksPerObject: 16);
        _ = state.Apply(1, Op(PgOpKind.OpenSession));
        PgOpHeader write = Op(PgOpKind.Write, sequence: 1, lowest: 1);
        (write.ObjectIndex, write.FirstBlock) = (3, 0);
        Assert.Equal(SessionVerdict.Fresh, state.Apply(2, write));
        PgOpHeader cut = Cut(generation: 1, bytes: (3 * 65536) + 512);
        Assert.Equal(SessionVerdict.Fresh, state.Apply(3, cut));
        Assert.Equal(SessionVerdict.Duplicate, state.Apply(4, cut));
        Assert.True(state.Refused.Contains(4));
        write.Sequence = 2;
        Assert.Equal(SessionVerdict.Fresh, state.Apply(5, write)); // the block that the new size goes through
        (write.Sequence, write.FirstBlock) = (3, 1);
        Assert.Equal(SessionVerdict.BeyondSize, state.Apply(6, write));
        Assert.True(state.Refused.Contains(6));
        Assert.Equal(SessionVerdict.BeyondSize, state.Apply(7, write)); // it left no trace: the number is free still
        write.SizeGeneration = 1; // it has grown again
        Assert.Equal(SessionVerdict.Fresh, state.Apply(8, write));
        Assert.Equal((1UL << 20, 1UL), (state.Find(new ImageId(5))!.SizeBytes, state.Find(new ImageId(5))!.SizeGeneration));
    }

    [Fact]
    public void A_write_of_a_leader_that_knows_of_a_cut_does_not_stand_for_the_cut()
    {
        ReplicatedState state = new();
        _ = state.Apply(1, Op(PgOpKind.OpenSession));
        PgOpHeader write = Op(PgOpKind.Write, sequence: 1, lowest: 1);
        (write.ImageBytes, write.SizeGeneration) = (4096, 1);
        Assert.Equal(SessionVerdict.Fresh, state.Apply(2, write));
        Assert.Equal(SessionVerdict.Fresh, state.Judge(Cut(generation: 1, bytes: 4096)));
    }

    [Fact]
    public void A_purge_is_remembered_by_its_epoch_on_disk_and_in_a_hand_over()
    {
        ReplicatedState state = new(), loaded = new(), follower = new();
        _ = state.Apply(1, Op(PgOpKind.PurgeImage, sequence: 40));
        _ = state.Apply(2, Op(PgOpKind.PurgeImage, sequence: 30));
        Assert.Equal(40UL, state.PurgeEpoch.Value);
        KvBatch batch = new();
        Assert.True(state.AddTo(batch, new PgId(1)));
        byte[] record = new byte[16];
        (record[0], record[8]) = (2, 40);
        Assert.True(loaded.TryLoad(record));
        Assert.Equal((2UL, 40UL), (loaded.Applied, loaded.PurgeEpoch.Value));
        follower.TakeOver(loaded, applied: 2);
        Assert.Equal(40UL, follower.PurgeEpoch.Value);
    }

    private static PgOpHeader Cut(ulong generation, ulong bytes) => new()
    {
        Kind = PgOpKind.CutImage,
        Image = 5,
        ImageBytes = bytes,
        SizeGeneration = generation,
    };

    [Fact]
    public void A_header_that_no_version_could_have_written_is_refused()
    {
        byte[] bytes = new byte[PgOpHeader.SizeBytes];
        PgOpHeader good = Op(PgOpKind.Write, sequence: 1, lowest: 1);
        good.Write(bytes);
        Assert.True(PgOpHeader.TryRead(bytes, blocksPerObject: 4, out PgOpHeader read));
        Assert.Equal(good.Sequence, read.Sequence);
        Assert.Equal(1, read.PayloadBlocks);
        Assert.False(PgOpHeader.TryRead(bytes.AsSpan(0, 63), 4, out _));
        foreach ((int first, int blocks) in new[] { (-1, 1), (0, 0), (0, 5), (4, 1), (int.MaxValue, 1), (0, -1) })
        {
            (good.FirstBlock, good.Blocks) = (first, blocks);
            good.Write(bytes);
            Assert.False(PgOpHeader.TryRead(bytes, 4, out _));
        }
        for (int kind = 0; kind < 256; kind++)
        {
            PgOpHeader any = Op((PgOpKind)kind, sequence: 1);
            any.Write(bytes);
            Assert.Equal(kind is (>= 1 and <= 7) or 16, PgOpHeader.TryRead(bytes, 4, out _));
        }
    }
}
