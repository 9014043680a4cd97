using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Roles.Osd;
using Fastblock.Storage.Kv;
using Xunit;

namespace Fastblock.Tests.Unit.Osd;

/// <summary>Goal: whatever part of a PG's state reached the disk before a crash, replay gives every entry the verdict that it had
/// the first time. Method: random operations of several images and owners, stored in small batches of which a crash cuts off
/// the end; the log keeps what a state record has not released.</summary>
public sealed class StoredStateTests
{
    private static readonly PgId Pg = new(7);

    /// <summary>Stored pairs, as the shard's store has them after a restart.</summary>
    private sealed class Disk
    {
        private readonly SortedDictionary<string, (byte[] Key, byte[] Value)> _pairs = new(StringComparer.Ordinal);

        public int Count => _pairs.Count;

        public void Apply(KvBatch batch)
        {
            KvRecordReader reader = new(batch.Body);
            while (reader.TryNext())
            {
                string name = Convert.ToHexString(reader.Key);
                if (reader.Operation == KvOperation.Delete) { _ = _pairs.Remove(name); }
                else { _pairs[name] = (reader.Key.ToArray(), reader.Value.ToArray()); }
            }
            Assert.False(reader.IsBad);
        }

        public ReplicatedState Load()
        {
            ReplicatedState state = new();
            foreach ((byte[] key, byte[] value) in _pairs.Values)
            {
                switch ((char)key[PgKeys.PrefixBytes])
                {
                    case 's':
                        Assert.True(state.TryLoad(value));
                        break;
                    case 'r':
                        Assert.True(state.Refused.TryLoad(value));
                        break;
                    default:
                        Assert.True(ImageSession.TryLoad(value, out ImageSession session));
                        state.LoadImage(session);
                        break;
                }
            }
            return state;
        }
    }

    [Theory]
    [InlineData(8300)] // little more than the longest record
    [InlineData(20_000)]
    [InlineData(KvLimits.MaxBatchBytes)]
    public void Replay_judges_every_entry_as_the_first_time(int batchBytes)
    {
        for (ulong seed = 1; seed <= 40; seed++) { Run(seed, batchBytes); }
    }

    private static void Run(ulong seed, int batchBytes)
    {
        Prng prng = new(seed);
        Disk disk = new();
        ReplicatedState state = new();
        KvBatch batch = new(batchBytes);
        List<(PgOpHeader Op, SessionVerdict Verdict)> log = []; // entry i has index i + 1
        ulong released = 0;
        int images = prng.Below(2) == 0 ? 6 : 120;
        for (int step = 0; step < 1200; step++)
        {
            int what = prng.Below(100);
            if (what < 92)
            {
                PgOpHeader op = DrawOp(prng, images);
                log.Add((op, state.Apply((ulong)log.Count + 1, in op)));
            }
            else if (what < 97)
            {
                state.Refused.ForgetUpTo(released);
                bool isStored = Store(state, batch, disk, atMost: prng.Below(4) == 0 ? prng.Below(4) : int.MaxValue);
                if (isStored) { released = Math.Max(released, state.Applied - ((ulong)prng.Below(20) % (state.Applied + 1))); }
            }
            else
            {
                // A crash: the rest of a store is lost. What the log still holds is laid over the objects, or judged again.
                _ = Store(state, batch, disk, atMost: prng.Below(5));
                state = disk.Load();
                Replay(state, log, released, seed);
            }
        }
    }

    /// <returns>True when all is stored.</returns>
    private static bool Store(ReplicatedState state, KvBatch batch, Disk disk, int atMost)
    {
        for (int i = 0; i < atMost; i++)
        {
            batch.Clear();
            bool isLast = state.AddTo(batch, Pg);
            disk.Apply(batch);
            state.OnStored();
            if (isLast) { return true; }
        }
        return false;
    }

    private static void Replay(ReplicatedState state, List<(PgOpHeader Op, SessionVerdict Verdict)> log, ulong released, ulong seed)
    {
        ulong stored = state.Applied;
        for (ulong index = released + 1; index <= (ulong)log.Count; index++)
        {
            (PgOpHeader op, SessionVerdict verdict) = log[(int)index - 1];
            bool wasFresh = verdict == SessionVerdict.Fresh;
            bool isFresh = index > stored ? state.Apply(index, in op) == SessionVerdict.Fresh : !state.Refused.Contains(index);
            // Objects of a purged image are deleted by the purge behind it, however its writes were judged.
            if (op.Kind == PgOpKind.Write && !IsPurgedLater(log, index))
            {
                Assert.True(isFresh == wasFresh, $"seed {seed}: entry {index} of {log.Count} was {verdict}, released {released}, stored {stored}");
            }
        }
        Assert.Equal((ulong)log.Count, state.Applied);
    }

    private static bool IsPurgedLater(List<(PgOpHeader Op, SessionVerdict Verdict)> log, ulong index)
    {
        ulong image = log[(int)index - 1].Op.Image;
        for (int i = (int)index; i < log.Count; i++)
        {
            if (log[i].Op.Kind == PgOpKind.PurgeImage && log[i].Op.Image == image) { return true; }
        }
        return false;
    }

    private static PgOpHeader DrawOp(Prng prng, int images)
    {
        int kind = prng.Below(100);
        ulong sequence = (ulong)prng.Below(40) + 1;
        return new PgOpHeader
        {
            Kind = kind < 8 ? PgOpKind.OpenSession : kind < 10 ? PgOpKind.CloseSession : kind < 11 ? PgOpKind.PurgeImage : PgOpKind.Write,
            Image = (ulong)prng.Below(images) + 1,
            OwnerGeneration = (ulong)prng.Below(3) + 1 + ((ulong)prng.Below(2) * (ulong)prng.Below(200)),
            Sequence = sequence,
            LowestUnfinished = Math.Max(1, sequence - (ulong)prng.Below(8) % sequence),
            Blocks = 1,
        };
    }

    [Fact]
    public void What_was_taken_over_is_stored_and_what_was_before_is_deleted()
    {
        ReplicatedState received = new();
        received.LoadImage(SessionOf(image: 1));
        received.LoadImage(SessionOf(image: 2));
        Disk disk = new();
        KvBatch batch = new();
        ReplicatedState state = new();
        _ = state.Apply(1, Op(PgOpKind.OpenSession, image: 3));
        _ = state.Apply(2, Op(PgOpKind.Write, image: 9)); // refused
        Assert.True(Store(state, batch, disk, 1));
        Assert.Equal(3, disk.Count);
        for (int i = 0; i < 2; i++) // the log may have had no room the first time
        {
            state.TakeOver(received, applied: 7);
        }
        Assert.True(Store(state, batch, disk, 1));
        ReplicatedState loaded = disk.Load();
        Assert.Equal(3, disk.Count);
        Assert.Equal(7UL, loaded.Applied);
        Assert.NotNull(loaded.Find(new ImageId(1)));
        Assert.NotNull(loaded.Find(new ImageId(2)));
        Assert.Null(loaded.Find(new ImageId(3)));
        Assert.False(loaded.Refused.Contains(2));
        // What changes afterwards is stored again.
        _ = state.Apply(8, Op(PgOpKind.OpenSession, image: 2, generation: 5));
        Assert.True(Store(state, batch, disk, 1));
        Assert.Equal(5UL, disk.Load().Find(new ImageId(2))!.OwnerGeneration);
    }

    [Fact]
    public void More_sessions_than_a_batch_holds_are_stored_in_several()
    {
        ReplicatedState state = new();
        for (ulong i = 1; i <= 3000; i++) { _ = state.Apply(i, Op(PgOpKind.OpenSession, image: i)); }
        for (ulong i = 3001; i <= 9000; i++) { _ = state.Apply(i, Op(PgOpKind.Write, image: 1, generation: 9)); }
        Disk disk = new();
        Assert.True(Store(state, new KvBatch(), disk, 20));
        ReplicatedState loaded = disk.Load();
        Assert.Equal(9000UL, loaded.Applied);
        Assert.NotNull(loaded.Find(new ImageId(3000)));
        Assert.True(loaded.Refused.Contains(3001));
        Assert.True(loaded.Refused.Contains(9000));
        Assert.False(loaded.Refused.Contains(3000));
    }

    [Fact]
    public void Records_that_no_version_could_have_written_are_refused()
    {
        for (int length = 0; length < 64; length++)
        {
            Assert.Equal(length == 16, new ReplicatedState().TryLoad(new byte[length]));
            Assert.Equal(length > 0 && length % 8 == 0, new RefusedEntries().TryLoad(new byte[length]));
        }
    }

    private static PgOpHeader Op(PgOpKind kind, ulong image, ulong generation = 1) => new()
    {
        Kind = kind,
        Image = image,
        OwnerGeneration = generation,
        Sequence = 1,
        LowestUnfinished = 1,
        Blocks = 1,
    };

    private static ImageSession SessionOf(ulong image)
    {
        ImageSession session = new(new ImageId(image));
        _ = session.Open(ownerGeneration: 1, sizeBytes: 1 << 20);
        byte[] bytes = new byte[ImageSession.MaxStoredBytes];
        Assert.True(ImageSession.TryLoad(bytes.AsSpan(0, session.Store(bytes, asOf: 7)), out ImageSession loaded));
        return loaded;
    }
}
