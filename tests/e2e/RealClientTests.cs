using System;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Other people's NBD clients against one cluster: what they write they must read, byte by byte.</summary>
[Collection(E2eCollection.Name)]
public sealed class RealClientTests : IClassFixture<RealClientTests.OneCluster>
{
    private const string Image = "vol/demo";
    private readonly VstartCluster _cluster;

    public RealClientTests(OneCluster shared) => _cluster = shared.Cluster;

    [Needs("nbdinfo")]
    public void Nbdinfo_sees_size_and_abilities()
    {
        string text = Shell.Run("nbdinfo", _cluster.NbdUri).Ok().Output;
        foreach (string ability in (string[])["can_trim: true", "can_zero: true", "can_fua: true", "can_flush: true", "can_multi_conn: true", "is_read_only: false", "base:allocation"])
        {
            Assert.Contains(ability, text, StringComparison.Ordinal);
        }
        Assert.Contains("structured", text, StringComparison.OrdinalIgnoreCase);
        long size = _cluster.Cli("image", "info", Image, "--json").Json().GetProperty("size_bytes").GetInt64();
        Assert.Equal(size, long.Parse(Shell.Run("nbdinfo", "--size", _cluster.NbdUri).Ok().Output, CultureInfo.InvariantCulture));
    }

    [Needs("nbdcopy")]
    public void Nbdcopy_brings_512_MiB_in_and_out_unchanged()
    {
        using TemporaryFile source = TemporaryFile.Random(512L << 20), back = TemporaryFile.Empty();
        _cluster.Cli("image", "create", "vol/nbdcopy", "--size", "512M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(_cluster, "vol/nbdcopy");
        Shell.Run("nbdcopy", source.Path, server.Uri).Ok(); // by default on several connections, 64 requests on each
        Shell.Run("nbdcopy", server.Uri, back.Path).Ok();
        Assert.Equal(source.Digest(), back.Digest());
    }

    [Needs("qemu-img")]
    public void Qemu_img_converts_in_and_compares_equal()
    {
        using TemporaryFile source = TemporaryFile.Random(64L << 20);
        _cluster.Cli("image", "create", "vol/qemu", "--size", "64M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(_cluster, "vol/qemu");
        Shell.Run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source.Path, server.Uri).Ok();
        CommandResult same = Shell.Run("qemu-img", "compare", "-f", "raw", "-F", "raw", source.Path, server.Uri).Ok();
        Assert.Contains("Images are identical", same.Output, StringComparison.Ordinal);
    }

    [NeedsTheory("fio")]
    [InlineData("4k", "--bs=4k")]
    [InlineData("512", "--bs=512")]
    [InlineData("mixed", "--bssplit=512/20:1536/20:4k/20:10k/20:64k/20", "--blockalign=512", "--serialize_overlap=1")]
    public void Fio_verifies_what_it_wrote(string name, params string[] blockSizes)
    {
        string image = $"vol/fio{name}";
        _cluster.Cli("image", "create", image, "--size", "64M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(_cluster, image);
        CommandResult result = Shell.Run("fio", ["--name=v", "--ioengine=nbd", $"--uri={server.Uri}", "--rw=randwrite", "--iodepth=16", "--size=32m",
            "--io_size=16m", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1", "--randrepeat=0", "--output-format=normal", .. blockSizes]);
        Assert.True(result.Code == 0 && result.Output.Contains("err= 0", StringComparison.Ordinal), result.Output + result.Error + _cluster.Logs());
    }

    [Needs("qemu-io")]
    public void Two_connections_write_neighbouring_sectors_of_one_block()
    {
        _cluster.Cli("image", "create", "vol/neighbours", "--size", "16M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(_cluster, "vol/neighbours");
        string even = "", odd = "", check = "";
        for (int sector = 0; sector < 64; sector += 2)
        {
            even += $"aio_write -P {sector + 1} {sector * 512} 512\n";
            odd += $"aio_write -P {sector + 2} {(sector + 1) * 512} 512\n";
            check += $"read -P {sector + 1} {sector * 512} 512\nread -P {sector + 2} {(sector + 1) * 512} 512\n";
        }
        using System.Diagnostics.Process first = Shell.Start("qemu-io", ["-f", "raw", server.Uri]), second = Shell.Start("qemu-io", ["-f", "raw", server.Uri]);
        first.StandardInput.Write(even + "aio_flush\n");
        second.StandardInput.Write(odd + "aio_flush\n");
        Shell.Finish(first, "qemu-io", ["even"]).Ok();
        Shell.Finish(second, "qemu-io", ["odd"]).Ok();
        using System.Diagnostics.Process reader = Shell.Start("qemu-io", ["-f", "raw", server.Uri]);
        reader.StandardInput.Write(check);
        CommandResult read = Shell.Finish(reader, "qemu-io", ["check"]).Ok();
        Assert.DoesNotContain("Pattern verification failed", read.Output, StringComparison.Ordinal);
        Assert.Equal(64, Count(read.Output, "read 512/512"));
    }

    [Needs("sfdisk", "qemu-img")]
    public void An_mbr_partition_table_survives()
    {
        _cluster.Cli("image", "create", "vol/mbr", "--size", "32M").Ok();
        using TemporaryFile disk = TemporaryFile.Zeros(32 << 20), back = TemporaryFile.Empty();
        Shell.Run("sh", "-c", $"printf 'label: dos\\nstart=2048,size=16384,type=83\\n' | sfdisk -q {disk.Path}").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(_cluster, "vol/mbr");
        Shell.Run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", disk.Path, server.Uri).Ok();
        Shell.Run("qemu-img", "convert", "-f", "raw", "-O", "raw", server.Uri, back.Path).Ok();
        Assert.Equal(disk.Digest(), back.Digest());
        Assert.Contains("start=        2048, size=       16384, type=83", Shell.Run("sfdisk", "-d", back.Path).Ok().Output, StringComparison.Ordinal);
    }

    [Needs("qemu-io")]
    public void A_second_writer_is_refused_and_takes_over_only_when_told()
    {
        _cluster.Cli("image", "create", "vol/owned", "--size", "16M").Ok();
        using NbdServerProcess first = NbdServerProcess.Start(_cluster, "vol/owned");
        _cluster.Cli("nbd", "vol/owned", "--listen", first.Socket + "2").Refused(5, "owned");
        using NbdServerProcess second = NbdServerProcess.Start(_cluster, "vol/owned", "--take-over");
        CommandResult late = Shell.Run("qemu-io", "-f", "raw", "-c", "write -P 1 0 4k", first.Uri);
        Assert.True(late.Code != 0 || late.Output.Contains("failed", StringComparison.Ordinal), late.Output + late.Error);
        Shell.Run("qemu-io", "-f", "raw", "-c", "write -P 2 0 4k", "-c", "read -P 2 0 4k", second.Uri).Ok();
    }

    private static int Count(string text, string part) => (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;

    /// <summary>Started once for all tests of the class.</summary>
    public sealed class OneCluster : IDisposable
    {
        internal VstartCluster Cluster { get; } = VstartCluster.Start("--size", "3G", "--pgs", "16");

        public void Dispose() => Cluster.Dispose();
    }

    /// <summary>A file that is gone after the test.</summary>
    private sealed class TemporaryFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.GetTempFileName();

        public static TemporaryFile Empty() => new();

        public static TemporaryFile Zeros(long bytes)
        {
            TemporaryFile file = new();
            using FileStream stream = File.OpenWrite(file.Path);
            stream.SetLength(bytes);
            return file;
        }

        /// <summary>Incompressible and without holes.</summary>
        public static TemporaryFile Random(long bytes)
        {
            TemporaryFile file = new();
            Prng prng = new(77);
            byte[] chunk = new byte[1 << 20];
            using FileStream stream = File.OpenWrite(file.Path);
            for (long at = 0; at < bytes; at += chunk.Length)
            {
                for (int i = 0; i < chunk.Length; i += 8) { BitConverter.TryWriteBytes(chunk.AsSpan(i), prng.Next()); }
                stream.Write(chunk);
            }
            return file;
        }

        public string Digest()
        {
            using FileStream stream = File.OpenRead(Path);
            return Convert.ToHexString(SHA256.HashData(stream));
        }

        public void Dispose() => File.Delete(Path);
    }
}
