using System;
using Fastblock.Roles.Osd;
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
            Assert.Equal(kind is >= 1 and <= 6, PgOpHeader.TryRead(bytes, 4, out _));
        }
    }
}
