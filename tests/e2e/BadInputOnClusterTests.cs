using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Fastblock.Storage.Volume;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Mistakes that only a running cluster can tell: each has its exit code, a message that says what, and changes
/// nothing, neither in the cluster's map nor in the folder.</summary>
[Collection(E2eCollection.Name)]
public sealed class BadInputOnClusterTests : IClassFixture<BadInputOnClusterTests.OneCluster>
{
    private readonly VstartCluster _cluster;

    public BadInputOnClusterTests(OneCluster shared) => _cluster = shared.Cluster;

    [Theory]
    [InlineData(4, "there is an image vol/demo already", "image", "create", "vol/demo", "--size", "1G")]
    [InlineData(3, "there is no pool 'volume'", "image", "create", "volume/x", "--size", "1G")]
    [InlineData(2, "--size", "image", "create", "vol/x")]
    [InlineData(3, "did you mean 'demo'?", "image", "info", "vol/dem")]
    [InlineData(3, "there is no image", "image", "du", "vol/nope")]
    [InlineData(3, "there is no image", "image", "rm", "vol/nope")]
    [InlineData(5, "in use by nbd", "image", "rm", "vol/demo")]
    [InlineData(5, "--allow-shrink says that this is meant", "image", "resize", "vol/demo", "--size", "1M")]
    [InlineData(2, "multiple of 512", "image", "resize", "vol/demo", "--size", "1000")]
    [InlineData(3, "there is no image", "image", "resize", "vol/nope", "--size", "1G")]
    [InlineData(3, "there is no image", "image", "rename", "vol/nope", "vol/x")]
    [InlineData(4, "there is an image", "image", "rename", "vol/demo", "vol/demo")]
    [InlineData(4, "there is a pool vol already", "pool", "create", "vol")]
    [InlineData(5, "3 replicas need OSDs on 3 hosts, there are 1", "pool", "create", "p", "--replicas", "3")]
    [InlineData(5, "5 replicas need 5 OSDs, there are 3", "pool", "create", "p", "--replicas", "5", "--failure-domain", "osd")]
    [InlineData(2, "--failure-domain", "pool", "create", "p", "--failure-domain", "moon")]
    [InlineData(5, "remove them first", "pool", "rm", "vol")]
    [InlineData(3, "there is no pool 'nope'", "pool", "rm", "nope")]
    [InlineData(3, "there is no PG", "pg", "map", "9.9")]
    [InlineData(3, "there is no image", "nbd", "vol/nope", "--listen", "127.0.0.1:0")]
    [InlineData(3, "folder does not exist", "nbd", "vol/demo", "--socket", "/nowhere/s")]
    [InlineData(5, "owned by nbd", "nbd", "vol/demo", "--listen", "127.0.0.1:0")]
    [InlineData(3, "there is no image", "bench", "rw", "vol/nope")]
    [InlineData(3, "there is no osd.7", "log", "level", "osd.7", "debug")]
    [InlineData(2, "log level 'loud'", "log", "level", "osd.0", "loud")]
    [InlineData(3, "the folder /nowhere does not exist", "osd", "mkfs", "--device", "/nowhere/x", "--size", "1G")]
    [InlineData(3, "does not exist", "osd", "mkfs", "--device", "/nowhere/x")]
    [InlineData(2, "may not run on core 63", "osd", "--device", "mem:1G", "--core-mask", "0x8000000000000000")]
    public void A_mistake_is_refused_and_changes_nothing(int code, string text, params string[] command)
    {
        long before = Epoch();
        _cluster.Cli(command).Refused(code, text);
        Assert.Equal(before, Epoch());
    }

    [Theory]
    [InlineData(2, "--size 0", "--size", "0")]
    [InlineData(2, "use a larger device", "--size", "1M")]
    [InlineData(2, "is not a size", "--size", "large")]
    public void Mkfs_of_a_bad_size_leaves_no_file_and_takes_no_id(int code, string text, params string[] options)
    {
        long before = Epoch();
        string device = Path.Combine(_cluster.Root, "new.img");
        _cluster.Cli(["osd", "mkfs", "--device", device, .. options]).Refused(code, text);
        Assert.False(File.Exists(device));
        Assert.Equal(before, Epoch());
        Shell.Fastblock(["mon", "mkfs", "--device", device, "--id", "0", "--mons", "127.0.0.1:1", "--size", "0"]).Refused(2, "--size 0");
        Assert.False(File.Exists(device));
    }

    /// <summary>What a kill between the answer of the monitors and the label leaves: no label, and the mark of the mkfs.</summary>
    [Fact]
    public void An_mkfs_that_was_cut_short_gets_the_same_id_when_it_is_repeated()
    {
        string device = Path.Combine(_cluster.Root, "cut.img");
        string[] mkfs = ["osd", "mkfs", "--device", device, "--size", "256M", "--json"];
        JsonElement first = _cluster.Cli(mkfs).Json();
        _cluster.Cli(mkfs).Refused(4, "carries the label");
        byte[] mark = new byte[VolumeFormat.BlockBytes];
        MkfsMark.Write(mark, first.GetProperty("cluster").GetGuid(), first.GetProperty("device").GetGuid());
        using (FileStream file = File.OpenWrite(device))
        {
            for (int copy = 0; copy < LabelFormat.Copies; copy++)
            {
                file.Position = LabelFormat.CopyOffset(copy, file.Length);
                file.Write(new byte[VolumeFormat.BlockBytes]);
            }
            file.Position = MkfsMark.OffsetBytes;
            file.Write(mark);
        }
        Assert.Contains("mkfs_under_way", Shell.Fastblock("inspect", device).Output, StringComparison.Ordinal);
        JsonElement second = _cluster.Cli(mkfs).Json();
        Assert.Equal(first.GetProperty("id").GetUInt32(), second.GetProperty("id").GetUInt32());
        Assert.Equal(first.GetProperty("device").GetGuid(), second.GetProperty("device").GetGuid());
        Assert.DoesNotContain("mkfs_under_way", Shell.Fastblock("inspect", device).Ok().Output, StringComparison.Ordinal);
        _cluster.Cli(mkfs).Refused(4, "carries the label");
        File.Delete(device);
    }

    [Fact]
    public void An_mkfs_that_the_monitors_refuse_leaves_the_device_as_it_was()
    {
        string device = Path.Combine(_cluster.Root, "used.img");
        byte[] present = new byte[256 << 20];
        Array.Fill(present, (byte)0x5A);
        File.WriteAllBytes(device, present);
        _cluster.Cli("osd", "mkfs", "--device", device, "--host", new string('h', 1000)).Refused(2, "host and rack must be printable");
        Assert.True(File.ReadAllBytes(device).AsSpan().SequenceEqual(present), "it was written to");
        File.Delete(device);
    }

    [Fact]
    public void A_port_in_use_is_told_by_every_server()
    {
        using Socket busy = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        busy.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        busy.Listen();
        string taken = $"127.0.0.1:{((IPEndPoint)busy.LocalEndPoint!).Port}";
        string folder = Directory.CreateTempSubdirectory("fb").FullName, mon = Path.Combine(folder, "mon"), osd = Path.Combine(folder, "osd");
        Shell.Fastblock("mon", "mkfs", "--device", mon, "--id", "0", "--mons", taken).Ok();
        Shell.Fastblock("mon", "--device", mon).Refused(5, $"cannot listen on {taken}: address already in use");
        Shell.Fastblock("mon", "--device", mon, "--listen", "127.0.0.1:0", "--metrics", taken).Refused(5, $"cannot serve metrics on {taken}");
        _cluster.Cli("osd", "mkfs", "--device", osd, "--size", "256M").Ok();
        long before = Epoch();
        _cluster.Cli("osd", "--device", osd, "--public-address", taken).Refused(5, $"cannot listen on {taken}: address already in use");
        _cluster.Cli("osd", "--device", osd, "--metrics", taken).Refused(5, $"cannot serve metrics on {taken}");
        // Before anything is taken over from the owner.
        _cluster.Cli("nbd", "vol/demo", "--take-over", "--listen", taken).Refused(5, $"cannot listen on {taken}: address already in use");
        _cluster.Cli("nbd", "vol/demo", "--take-over", "--listen", "127.0.0.1:0", "--metrics", taken).Refused(5, $"cannot serve metrics on {taken}");
        Assert.Equal(before, Epoch());
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void The_folder_of_vstart_must_be_one()
    {
        string file = Path.GetTempFileName();
        Shell.Fastblock("vstart", "--dir", file, "--nbd-port", "0").Refused(2, "this is a file, not a folder");
        File.Delete(file);
        Shell.Fastblock("vstart", "--dir", "/proc/nowhere", "--nbd-port", "0").Refused(1, "the folder cannot be made");
        Shell.Fastblock("vstart", "--dir", _cluster.Root, "--nbd-port", "0", "--osds", "2").Refused(5, "it has 3 OSDs; they cannot become fewer");
        Shell.Fastblock("vstart", "--dir", _cluster.Root, "--nbd-port", "0", "--mons", "3").Refused(5, "it has 1 monitors, not 3");
    }

    /// <summary>Moves with every change of the cluster map.</summary>
    private long Epoch()
    {
        JsonElement status = _cluster.Status();
        return status.GetProperty("epoch").GetInt64();
    }

    /// <summary>Started once for all tests of the class.</summary>
    public sealed class OneCluster : IDisposable
    {
        internal VstartCluster Cluster { get; } = VstartCluster.Start("--size", "256M", "--pgs", "4");

        public void Dispose() => Cluster.Dispose();
    }
}
