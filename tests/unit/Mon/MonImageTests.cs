using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>Images and their owners.</summary>
public sealed class MonImageTests
{
    private static readonly Guid ClientA = new("aaaaaaaa-0000-0000-0000-00000000000a");
    private static readonly Guid ClientB = new("bbbbbbbb-0000-0000-0000-00000000000b");
    private readonly MonFixture _mon = new MonFixture().WithOsds(3).WithPool();

    [Fact]
    public void Image_ids_are_never_used_again()
    {
        Assert.Equal(1u, _mon.CreateImage("a").ImageCreateResult.Id);
        Remove("a");
        ReportPurged(_mon, 1);
        Assert.True(_mon.Tick());
        Assert.Equal(0, _mon.Map.ImageCount);
        Assert.Equal(2u, _mon.CreateImage("a").ImageCreateResult.Id);
    }

    [Theory]
    [InlineData("demo", 0L)]
    [InlineData("demo", -512L)]
    [InlineData("demo", 1000L)]
    [InlineData("demo", (64L << 40) + 512)]
    [InlineData("", 512L)]
    [InlineData("a/b", 512L)]
    [InlineData(".hidden", 512L)]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345", 512L)]
    public void Bad_names_and_sizes_are_refused(string name, long size)
    {
        ControlReply reply = _mon.CreateImage(name, size);
        Assert.Equal(ControlStatus.StatusInvalid, reply.Status);
        Assert.NotEmpty(reply.Text);
        Assert.Equal(0, _mon.Map.ImageCount);
    }

    [Fact]
    public void An_image_needs_a_pool_and_a_free_name()
    {
        Assert.Equal(ControlStatus.StatusNotFound, _mon.CreateImage(pool: "nope").Status);
        Assert.Equal(ControlStatus.StatusOk, _mon.CreateImage().Status);
        Assert.Equal(ControlStatus.StatusExists, _mon.CreateImage().Status);
    }

    [Fact]
    public void A_cut_must_be_meant_and_growing_waits_until_every_pg_has_logged_it()
    {
        _mon.CreateImage();
        _mon.Acquire(1, ClientA);
        ControlReply refused = Resize(Units.MiB);
        Assert.Equal(ControlStatus.StatusWrongState, refused.Status);
        Assert.Contains("--allow-shrink", refused.Text, StringComparison.Ordinal);
        ControlReply cut = Resize(Units.MiB, allowShrink: true);
        Assert.Equal(ControlStatus.StatusOk, cut.Status);
        Assert.Contains("freed in the background", cut.Text, StringComparison.Ordinal);
        Assert.Equal((Units.MiB, 1UL, true), Sizes());
        Assert.Equal(ControlStatus.StatusAgain, Resize(Units.GiB).Status);
        ReportCut(1, generation: 1, exceptPg: 3);
        Assert.False(_mon.Tick());
        StatusResult status = _mon.Do(new ControlRequest { Status = new StatusRequest() }).StatusResult;
        Assert.Equal(1u, status.ImagesShrinking);
        Assert.Equal((8u, 1u, false), (status.Freeing[0].Pgs, status.Freeing[0].PgsPending, status.Freeing[0].Removed));
        // Once more, while that is under way: what was reported is of another cut.
        Assert.Equal(ControlStatus.StatusOk, Resize(Units.MiB / 2, allowShrink: true).Status);
        ReportCut(1, generation: 1);
        Assert.False(_mon.Tick());
        ReportCut(1, generation: 2);
        Assert.True(_mon.Tick());
        Assert.Equal((Units.MiB / 2, 2UL, false), Sizes());
        Assert.Equal(ControlStatus.StatusOk, Resize(Units.GiB).Status);
        Assert.Equal((Units.GiB, 2UL, false), Sizes());
    }

    [Fact]
    public void An_image_that_nobody_ever_wrote_to_is_cut_at_once()
    {
        _mon.CreateImage();
        Assert.Equal(ControlStatus.StatusOk, Resize(Units.MiB, allowShrink: true).Status);
        Assert.Equal((Units.MiB, 1UL, false), Sizes());
    }

    [Fact]
    public void An_image_grows()
    {
        _mon.CreateImage();
        ulong revision = _mon.Store.Revision;
        Assert.Equal(ControlStatus.StatusOk, Resize(Units.GiB).Status);
        Assert.Equal(revision, _mon.Store.Revision);
        Assert.Equal(ControlStatus.StatusOk, Resize(2 * Units.GiB).Status);
        Assert.Equal(2 * Units.GiB, _mon.Map.Images.First().SizeBytes);
        Assert.Equal(ControlStatus.StatusInvalid, Resize((2 * Units.GiB) + 100).Status);
    }

    [Fact]
    public void A_rename_moves_the_name_and_keeps_the_id()
    {
        _mon.CreateImage("a");
        _mon.CreateImage("b");
        Assert.Equal(ControlStatus.StatusExists, Rename("a", "b").Status);
        Assert.Equal(ControlStatus.StatusInvalid, Rename("a", "x y").Status);
        Assert.Equal(ControlStatus.StatusNotFound, Rename("nope", "c").Status);
        Assert.Equal(ControlStatus.StatusOk, Rename("a", "c").Status);
        Assert.False(_mon.Map.TryGetImage("vol", "a", out _));
        Assert.True(_mon.Map.TryGetImage("vol", "c", out ImageInfo? image));
        Assert.Equal(1u, image.Id.Value);
    }

    [Fact]
    public void A_removed_image_frees_its_name_at_once_and_its_record_when_all_pgs_have_purged_it()
    {
        _mon.CreateImage();
        Remove("demo");
        Assert.False(_mon.Map.TryGetImage("vol", "demo", out _));
        Assert.Equal(ImageState.Purging, _mon.Map.Images.First().State);
        Assert.Equal(ControlStatus.StatusOk, _mon.CreateImage().Status);
        ReportPurged(_mon, 1, exceptPg: 5);
        Assert.False(_mon.Tick());
        ReportPurged(_mon, 1);
        Assert.True(_mon.Tick());
        Assert.False(_mon.Map.TryGetImage(new ImageId(1), out _));
        Assert.True(_mon.Map.TryGetImage(new ImageId(2), out _));
    }

    [Fact]
    public void An_image_in_use_is_not_removed()
    {
        _mon.CreateImage();
        ulong generation = _mon.Acquire(1, ClientA).ImageAcquireResult.Generation;
        ControlReply reply = Remove("demo");
        Assert.Equal(ControlStatus.StatusWrongState, reply.Status);
        Assert.Contains("client aaaa", reply.Text, StringComparison.Ordinal);
        Release(ClientA, generation);
        Assert.Equal(ControlStatus.StatusOk, Remove("demo").Status);
        Assert.True(_mon.Map.Images.First().OwnerGeneration > generation);
    }

    [Fact]
    public void A_second_owner_is_refused_while_the_first_is_alive()
    {
        _mon.CreateImage();
        Assert.Equal(1u, _mon.Acquire(1, ClientA).ImageAcquireResult.Generation);
        ControlReply reply = _mon.Acquire(1, ClientB);
        Assert.Equal(ControlStatus.StatusWrongState, reply.Status);
        Assert.Contains("--take-over", reply.Text, StringComparison.Ordinal);
        Assert.Equal(ClientA, _mon.Map.Images.First().OwnerInstance);
    }

    [Fact]
    public void A_take_over_fences_the_first_owner()
    {
        _mon.CreateImage();
        _mon.Acquire(1, ClientA);
        Assert.Equal(2u, _mon.Acquire(1, ClientB, takeOver: true).ImageAcquireResult.Generation);
        Assert.Equal(ControlStatus.StatusPermission, _mon.Renew(1, ClientA, 1).Status);
        Assert.Equal(ControlStatus.StatusOk, _mon.Renew(1, ClientB, 2).Status);
        // A late release of the first owner must not set the image free.
        Release(ClientA, 1);
        Assert.True(_mon.Map.Images.First().Owned);
    }

    [Fact]
    public void An_owner_that_fell_silent_needs_no_take_over()
    {
        _mon.CreateImage();
        _mon.Acquire(1, ClientA);
        _mon.Now += _mon.Options.OwnerTtlNanos - 1;
        Assert.Equal(ControlStatus.StatusWrongState, _mon.Acquire(1, ClientB).Status);
        _mon.Now++;
        Assert.Equal(2u, _mon.Acquire(1, ClientB).ImageAcquireResult.Generation);
    }

    [Fact]
    public void A_renewing_owner_keeps_the_image_and_a_new_leader_gives_it_the_full_time()
    {
        _mon.CreateImage();
        _mon.Acquire(1, ClientA);
        for (int i = 0; i < 5; i++)
        {
            _mon.Now += _mon.Options.OwnerTtlNanos / 2;
            Assert.Equal(ControlStatus.StatusOk, _mon.Renew(1, ClientA, 1).Status);
        }
        _mon.Now += 100 * _mon.Options.OwnerTtlNanos;
        _mon.Runtime.Reset(_mon.Now);
        Assert.Equal(ControlStatus.StatusWrongState, _mon.Acquire(1, ClientB).Status);
    }

    [Fact]
    public void The_same_client_may_acquire_again_and_gets_a_higher_generation()
    {
        _mon.CreateImage();
        Assert.Equal(1u, _mon.Acquire(1, ClientA).ImageAcquireResult.Generation);
        Assert.Equal(2u, _mon.Acquire(1, ClientA).ImageAcquireResult.Generation);
    }

    [Fact]
    public void A_generation_grows_over_release_too()
    {
        _mon.CreateImage();
        Release(ClientA, _mon.Acquire(1, ClientA).ImageAcquireResult.Generation);
        Assert.False(_mon.Map.Images.First().Owned);
        Assert.Equal(2u, _mon.Acquire(1, ClientB).ImageAcquireResult.Generation);
    }

    [Fact]
    public void Owners_are_listed_as_sessions()
    {
        _mon.CreateImage();
        _mon.Acquire(1, ClientA);
        _mon.Now += 3 * Units.NanosPerSecond;
        SessionStatus session = Assert.Single(
            _mon.Do(new ControlRequest { SessionList = new SessionListRequest() }).SessionListResult.Sessions);
        Assert.Equal("demo", session.ImageName);
        Assert.Equal("vol", session.PoolName);
        Assert.Equal(3000, session.RenewedMsAgo);
        Assert.True(session.Alive);
    }

    [Fact]
    public void Readers_are_listed_until_they_close_or_fall_silent_and_keep_nobody_away()
    {
        _mon.CreateImage();
        Assert.True(Read(ClientA).ImageAcquireResult.TtlMs > 0);
        Assert.Equal(ControlStatus.StatusOk, Read(ClientB).Status);
        _ = _mon.Acquire(1, ClientB);
        Assert.Equal([false, true, true], Sessions().Select(session => session.Reader));
        Assert.Equal(ControlStatus.StatusOk, Read(ClientB, closed: true).Status);
        SessionStatus reader = Assert.Single(Sessions(), session => session.Reader);
        Assert.Equal(UuidBytes.ToBytes(ClientA), reader.Instance);
        _mon.Now += _mon.Options.OwnerTtlNanos;
        Assert.DoesNotContain(Sessions(), session => session.Reader);
        Assert.Equal(ControlStatus.StatusInvalid, Read(Guid.Empty).Status);
        Assert.Equal(ControlStatus.StatusInvalid, Read(ClientA, description: new string('x', 1000)).Status);
    }

    [Fact]
    public void Readers_beyond_the_limit_are_not_remembered_before_others_have_gone()
    {
        _mon.CreateImage();
        for (int i = 0; i < MonLimits.Readers; i++) { Assert.Equal(ControlStatus.StatusOk, Read(Number(i)).Status); }
        Assert.Equal(ControlStatus.StatusFailed, Read(Number(-1)).Status);
        Assert.Equal(ControlStatus.StatusOk, Read(Number(7)).Status);
        _mon.Now += _mon.Options.OwnerTtlNanos;
        Assert.Equal(ControlStatus.StatusOk, Read(Number(-1)).Status);

        static Guid Number(int number) => new(number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    }

    [Fact]
    public void An_image_is_taken_from_the_owner_that_is_meant_and_no_other()
    {
        _mon.CreateImage();
        Assert.Equal(ControlStatus.StatusWrongState, TakeFrom(ClientA).Status);
        _ = _mon.Acquire(1, ClientB);
        ControlReply refused = TakeFrom(ClientA);
        Assert.Equal(ControlStatus.StatusWrongState, refused.Status);
        Assert.Contains(ClientB.ToString(), refused.Text, StringComparison.Ordinal);
        Assert.Equal(2u, TakeFrom(ClientB).ImageAcquireResult.Generation);
    }

    private ControlReply TakeFrom(Guid owner) => _mon.Do(new ControlRequest
    {
        ImageAcquire = new ImageAcquireRequest
        {
            Image = 1,
            Instance = UuidBytes.ToBytes(new Guid("cccccccc-0000-0000-0000-00000000000c")),
            TakeOver = true,
            FromInstance = UuidBytes.ToBytes(owner),
        },
    });

    private ControlReply Read(Guid client, bool closed = false, string description = "reader") => _mon.Do(new ControlRequest
    {
        ImageRenew = new ImageRenewRequest { Image = 1, Instance = UuidBytes.ToBytes(client), Description = description, Closed = closed },
    });

    private Google.Protobuf.Collections.RepeatedField<SessionStatus> Sessions() =>
        _mon.Do(new ControlRequest { SessionList = new SessionListRequest() }).SessionListResult.Sessions;

    [Fact]
    public void Acquiring_a_missing_or_removed_image_or_without_a_name_is_refused()
    {
        _mon.CreateImage();
        Assert.Equal(ControlStatus.StatusNotFound, _mon.Acquire(9, ClientA).Status);
        Assert.Equal(ControlStatus.StatusInvalid, _mon.Acquire(1, Guid.Empty).Status);
        Remove("demo");
        Assert.Equal(ControlStatus.StatusNotFound, _mon.Acquire(1, ClientA).Status);
    }

    [Fact]
    public void Outcomes_are_remembered_for_the_newest_commands_only()
    {
        ControlRequest first = new() { ImageCreate = new ImageCreateRequest { Pool = "vol", Name = "first", SizeBytes = 512 } };
        Assert.Equal(ControlStatus.StatusOk, _mon.Do(first).Status);
        Assert.Equal(ControlStatus.StatusOk, _mon.Repeat(first).Status);
        for (int i = 0; i < MonLimits.RememberedRequests; i++) { _mon.CreateImage($"i{i}", 512); }
        Assert.Equal(ControlStatus.StatusExists, _mon.Repeat(first).Status);
        int kept = _mon.Store.Values.Count(pair => pair.Key.StartsWith(StoreKeys.Requests, StringComparison.Ordinal));
        Assert.Equal(MonLimits.RememberedRequests, kept);
    }

    [Fact]
    public void An_unknown_command_is_refused()
    {
        Assert.Equal(ControlStatus.StatusInvalid, _mon.Do(new ControlRequest()).Status);
    }

    /// <summary>Every leader reports the image as purged, but for one PG.</summary>
    internal static void ReportPurged(MonFixture mon, ulong image, uint exceptPg = uint.MaxValue)
    {
        for (uint osd = 0; osd < mon.Map.OsdCount; osd++)
        {
            uint id = osd;
            mon.Do(new ControlRequest
            {
                OsdHeartbeat = mon.HeartbeatOf(id, pg =>
                {
                    PgStat stat = MonFixture.Stat(pg, id);
                    if (stat.Role is PgRole.Leader && pg.Id.Number != exceptPg) { stat.PurgedImages.Add(image); }
                    return stat;
                }),
            });
        }
    }

    private ControlReply Remove(string name) =>
        _mon.Do(new ControlRequest { ImageRemove = new ImageRemoveRequest { Pool = "vol", Name = name } });

    private void ReportCut(ulong image, ulong generation, uint exceptPg = uint.MaxValue)
    {
        for (uint osd = 0; osd < _mon.Map.OsdCount; osd++)
        {
            uint id = osd;
            _mon.Do(new ControlRequest
            {
                OsdHeartbeat = _mon.HeartbeatOf(id, pg =>
                {
                    PgStat stat = MonFixture.Stat(pg, id);
                    if (stat.Role is PgRole.Leader && pg.Id.Number != exceptPg)
                    {
                        stat.CutImages.Add(new ImageCutStat { Image = image, SizeGeneration = generation });
                    }
                    return stat;
                }),
            });
        }
    }

    private (long Bytes, ulong Generation, bool IsShrinking) Sizes()
    {
        ImageInfo image = _mon.Map.Images.First();
        return (image.SizeBytes, image.SizeGeneration, image.IsShrinking);
    }

    private ControlReply Resize(long size, bool allowShrink = false) => _mon.Do(new ControlRequest
    {
        ImageResize = new ImageResizeRequest { Pool = "vol", Name = "demo", SizeBytes = size, AllowShrink = allowShrink },
    });

    private ControlReply Rename(string from, string to) =>
        _mon.Do(new ControlRequest { ImageRename = new ImageRenameRequest { Pool = "vol", Name = from, NewName = to } });

    private void Release(Guid client, ulong generation) => _mon.Do(new ControlRequest
    {
        ImageRelease = new ImageReleaseRequest { Image = 1, Instance = UuidBytes.ToBytes(client), Generation = generation },
    });
}
