using System;
using System.Linq;
using Fastblock.Native.Base;
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
        Assert.False(state.WasRefused(2));
        Assert.True(state.WasRefused(3));
        state.ForgetRefusedUpTo(2);
        Assert.True(state.WasRefused(3));
        state.ForgetRefusedUpTo(3);
        Assert.False(state.WasRefused(3));
    }

    [Fact]
    public void A_write_of_an_older_owner_is_refused_at_apply()
    {
        ReplicatedState state = new();
        _ = state.Apply(1, Op(PgOpKind.OpenSession));
        _ = state.Apply(2, Op(PgOpKind.OpenSession, generation: 2));
        Assert.Equal(SessionVerdict.StaleOwner, state.Apply(3, Op(PgOpKind.Write, sequence: 1, lowest: 1)));
        Assert.True(state.WasRefused(3));
    }

    [Fact]
    public void Sessions_that_were_taken_over_are_stored_and_those_of_before_are_deleted()
    {
        ReplicatedState received = new();
        received.LoadImage(SessionOf(image: 1));
        received.LoadImage(SessionOf(image: 2));
        ReplicatedState state = new();
        PgOpHeader other = Op(PgOpKind.OpenSession);
        other.Image = 3;
        _ = state.Apply(1, in other);
        for (int i = 0; i < 2; i++) // the log may have had no room the first time
        {
            state.TakeOver(received, applied: 7);
            Assert.Equal(7UL, state.Applied);
            Assert.Equal([1UL, 2UL], state.Dirty.Select(session => session.Image.Value));
            Assert.Equal([3UL], state.Gone);
        }
        state.OnStored();
        PgOpHeader next = Op(PgOpKind.OpenSession, generation: 5);
        next.Image = 1;
        _ = state.Apply(8, in next);
        Assert.Equal([1UL], state.Dirty.Select(session => session.Image.Value));
    }

    private static ImageSession SessionOf(ulong image)
    {
        ImageSession session = new(new ImageId(image));
        _ = session.Open(ownerGeneration: 1, sizeBytes: 1 << 20);
        byte[] bytes = new byte[ImageSession.MaxStoredBytes];
        Assert.True(ImageSession.TryLoad(bytes.AsSpan(0, session.Store(bytes)), out ImageSession loaded));
        return loaded;
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
    public void The_stored_form_brings_everything_back()
    {
        ReplicatedState state = new();
        _ = state.Apply(1, Op(PgOpKind.OpenSession));
        _ = state.Apply(2, Op(PgOpKind.Write, generation: 9, sequence: 1, lowest: 1));
        state.Advance(3);
        byte[] bytes = new byte[state.StoredBytes];
        state.Store(bytes);
        byte[] image = new byte[ImageSession.MaxStoredBytes];
        _ = state.Images.Single().Store(image);
        ReplicatedState loaded = new();
        Assert.True(loaded.TryLoad(bytes));
        Assert.True(ImageSession.TryLoad(image, out ImageSession session));
        loaded.LoadImage(session);
        Assert.Equal(3u, loaded.Applied);
        Assert.True(loaded.WasRefused(2));
        Assert.Equal(SessionVerdict.Fresh, loaded.Judge(Op(PgOpKind.Write, sequence: 1, lowest: 1)));
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            Assert.Equal(cut >= 16 && cut % 8 == 0, new ReplicatedState().TryLoad(bytes.AsSpan(0, cut)));
        }
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
