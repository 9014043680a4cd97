using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Roles.Osd;
using Xunit;

namespace Fastblock.Tests.Unit.Osd;

public sealed class ImageSessionTests
{
    private static ImageSession Opened(ulong generation = 1)
    {
        ImageSession session = new(new ImageId(7));
        Assert.Equal(SessionVerdict.Fresh, session.Open(generation, 1 << 20));
        return session;
    }

    [Fact]
    public void An_unopened_session_refuses_everything()
    {
        ImageSession session = new(new ImageId(7));
        Assert.Equal(SessionVerdict.UnknownSession, session.Judge(1, 1, 1));
        Assert.Equal(SessionVerdict.UnknownSession, session.JudgeOwner(1));
    }

    [Fact]
    public void A_request_is_applied_once()
    {
        ImageSession session = Opened();
        Assert.Equal(SessionVerdict.Fresh, session.Judge(1, 5, 1));
        session.Record(5, 1, 0);
        Assert.Equal(SessionVerdict.Duplicate, session.Judge(1, 5, 1));
        Assert.Equal(SessionVerdict.Fresh, session.Judge(1, 4, 1));
    }

    [Fact]
    public void Nothing_below_the_lowest_unfinished_sequence_is_ever_applied()
    {
        ImageSession session = Opened();
        session.Record(9, 9, 0);
        Assert.Equal(SessionVerdict.Finished, session.Judge(1, 8, 1));
        Assert.Equal(SessionVerdict.Duplicate, session.Judge(1, 9, 1));
    }

    [Fact]
    public void A_sequence_beyond_the_window_waits()
    {
        ImageSession session = Opened();
        Assert.Equal(SessionVerdict.Fresh, session.Judge(1, ImageSession.WindowSize, 1));
        Assert.Equal(SessionVerdict.BeyondWindow, session.Judge(1, ImageSession.WindowSize + 1, 1));
    }

    /// <summary>A full device refuses thousands of writes before it has room again; all of them used up sequences.</summary>
    [Fact]
    public void Refused_requests_do_not_wear_out_the_window()
    {
        ImageSession session = Opened();
        session.Record(1, 1, 0);
        ulong next = (10UL * ImageSession.WindowSize) + 1;
        Assert.Equal(SessionVerdict.Fresh, session.Judge(1, next, next));
        session.Record(next, next, 0);
        Assert.Equal(SessionVerdict.Duplicate, session.Judge(1, next, next));
        Assert.Equal(SessionVerdict.Finished, session.Judge(1, next - 1, 1));
    }

    [Fact]
    public void A_newer_owner_fences_the_older_one_and_starts_with_an_empty_window()
    {
        ImageSession session = Opened();
        session.Record(1, 1, 0);
        Assert.Equal(SessionVerdict.Fresh, session.Open(2, 0));
        Assert.Equal(SessionVerdict.StaleOwner, session.Judge(1, 2, 1));
        Assert.Equal(SessionVerdict.StaleOwner, session.Open(1, 0));
        Assert.Equal(SessionVerdict.Fresh, session.Judge(2, 1, 1));
        Assert.Equal(1u << 20, session.SizeBytes);
    }

    [Fact]
    public void A_closed_session_stays_closed_for_its_generation()
    {
        ImageSession session = Opened();
        session.Close(1);
        Assert.Equal(SessionVerdict.UnknownSession, session.Judge(1, 1, 1));
        Assert.Equal(SessionVerdict.UnknownSession, session.Open(1, 0));
        Assert.Equal(SessionVerdict.Fresh, session.Open(2, 0));
    }

    [Fact]
    public void Judges_as_a_naive_model_does_over_random_histories()
    {
        for (ulong seed = 1; seed <= 50; seed++)
        {
            Prng prng = new(seed);
            ImageSession session = Opened();
            HashSet<ulong> applied = [];
            ulong lowest = 1;
            for (int step = 0; step < 3000; step++)
            {
                // Now and then the client has had a thousand refusals that nothing here has seen.
                long jump = prng.Below(50) == 0 ? prng.Between(0, 3 * ImageSession.WindowSize) : 0;
                ulong sequence = (ulong)Math.Max(1, (long)lowest + jump + prng.Between(-20, ImageSession.WindowSize + 20));
                ulong carried = Math.Min(sequence, lowest + (ulong)jump + prng.Below(40UL));
                SessionVerdict expected = sequence < lowest ? SessionVerdict.Finished
                    : sequence >= Math.Max(lowest, carried) + ImageSession.WindowSize ? SessionVerdict.BeyondWindow
                    : applied.Contains(sequence) ? SessionVerdict.Duplicate : SessionVerdict.Fresh;
                Assert.Equal(expected, session.Judge(1, sequence, carried));
                if (expected != SessionVerdict.Fresh) { continue; }
                session.Record(sequence, carried, 0);
                _ = applied.Add(sequence);
                lowest = Math.Max(lowest, carried);
            }
        }
    }

    [Fact]
    public void The_stored_form_brings_everything_back()
    {
        ImageSession session = Opened(3);
        session.Record(4, 2, 1 << 22);
        session.Record(1000, 2, 0);
        byte[] bytes = new byte[ImageSession.MaxStoredBytes];
        Assert.Equal(bytes.Length, session.Store(bytes, asOf: 77));
        Assert.True(ImageSession.TryLoad(bytes, out ImageSession loaded));
        Assert.Equal(new ImageId(7), loaded.Image);
        Assert.Equal(1u << 22, loaded.SizeBytes);
        Assert.Equal(SessionVerdict.Duplicate, loaded.Judge(3, 4, 1));
        Assert.Equal(SessionVerdict.Duplicate, loaded.Judge(3, 1000, 1));
        Assert.Equal(SessionVerdict.Finished, loaded.Judge(3, 1, 1));
        Assert.Equal(SessionVerdict.Fresh, loaded.Judge(3, 5, 1));
        Assert.False(ImageSession.TryLoad(bytes.AsSpan(1), out _));
    }
}
