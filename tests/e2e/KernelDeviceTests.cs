using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Goal: a file system of the kernel lives on an image. Method: the NBD export becomes a file (qemu-storage-daemon's
/// FUSE export), the file a loop device, and that carries ext4, which is filled, checked, read again, trimmed and read again.</summary>
[Collection(E2eCollection.Name)]
public sealed class KernelDeviceTests
{
    private const string Image = "vol/ext4";
    private const int Files = 200;

    [Needs("qemu-storage-daemon", "losetup", "mkfs.ext4", "e2fsck", "mount", "umount", "fstrim", "sha256sum")]
    public void Ext4_on_a_kernel_block_device()
    {
        RequireKernelHelp();
        using VstartCluster cluster = VstartCluster.Start("--size", "1G", "--pgs", "8");
        cluster.Cli("image", "create", Image, "--size", "256M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(cluster, Image);
        using LoopDevice loop = new(server);
        Shell.Run("mkfs.ext4", "-q", loop.Device).Ok();
        loop.Mount();
        Fill(loop.Folder);
        string sums = Shell.Run("sh", "-c", $"cd {loop.Folder} && sha256sum file*").Ok().Output;
        loop.Unmount();
        Shell.Run("e2fsck", "-f", "-n", loop.Device).Ok();
        loop.Drop();

        loop.Mount();
        RequireSums(loop.Folder, sums);
        long before = Written(cluster);
        for (int i = 0; i < Files; i += 2) { File.Delete(FileName(loop.Folder, i)); }
        Shell.Run("sync", "-f", loop.Folder).Ok();
        Shell.Run("fstrim", loop.Folder).Ok();
        Shell.Until("the trimmed room to be given back", () => Written(cluster) < before);
        string left = KeepOdd(sums);
        loop.Unmount();
        loop.Drop();
        loop.Mount();
        RequireSums(loop.Folder, left);
        loop.Unmount();
        Shell.Run("e2fsck", "-f", "-n", loop.Device).Ok();
        loop.Dispose();
        cluster.RequireEqualReplicas();
    }

    /// <summary>Loop devices and FUSE without help of others are for root.</summary>
    private static void RequireKernelHelp()
    {
        if (Environment.UserName != "root") { throw new CannotRunHereException("not root"); }
        foreach (string device in (string[])["/dev/fuse", "/dev/loop-control"])
        {
            if (!File.Exists(device)) { throw new CannotRunHereException($"there is no {device}"); }
        }
    }

    /// <summary>From a few bytes to 1 MiB each, all different.</summary>
    private static void Fill(string folder)
    {
        Prng prng = new(4);
        for (int i = 0; i < Files; i++)
        {
            byte[] bytes = new byte[1 + prng.Below(i % 4 == 0 ? 1 << 20 : 1 << 15)];
            for (int at = 0; at + 8 <= bytes.Length; at += 8) { _ = BitConverter.TryWriteBytes(bytes.AsSpan(at), prng.Next()); }
            File.WriteAllBytes(FileName(folder, i), bytes);
        }
    }

    private static string FileName(string folder, int i) => Path.Combine(folder, i.ToString("'file'000", CultureInfo.InvariantCulture));

    private static void RequireSums(string folder, string sums)
    {
        string list = Path.GetTempFileName();
        File.WriteAllText(list, sums);
        CommandResult result = Shell.Run("sh", "-c", $"cd {folder} && sha256sum --check --quiet {list}");
        File.Delete(list);
        result.Ok();
    }

    private static string KeepOdd(string sums)
    {
        StringBuilder kept = new();
        string[] lines = sums.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Files, lines.Length);
        for (int i = 1; i < lines.Length; i += 2) { kept.Append(lines[i]).Append('\n'); }
        return kept.ToString();
    }

    private static long Written(VstartCluster cluster) =>
        cluster.Cli("image", "du", Image, "--json").Json().GetProperty("used_bytes").GetInt64();

    /// <summary>NBD export, FUSE file, loop device, mount point; taken down in the opposite order.</summary>
    private sealed class LoopDevice : IDisposable
    {
        private readonly string _root = Directory.CreateTempSubdirectory("fbk").FullName;
        private readonly Process _storage;
        private bool _isMounted;

        public LoopDevice(NbdServerProcess server)
        {
            Folder = Directory.CreateDirectory(Path.Combine(_root, "mnt")).FullName;
            string file = Path.Combine(_root, "volume");
            File.WriteAllBytes(file, []);
            _storage = Shell.Start("qemu-storage-daemon",
            [
                "--blockdev", $"driver=nbd,node-name=n,discard=unmap,server.type=unix,server.path={server.Socket},export={Image}",
                "--export", $"type=fuse,id=e,node-name=n,mountpoint={file},writable=on,growable=off",
            ]);
            try
            {
                Shell.Until("the FUSE file", () => _storage.HasExited || new FileInfo(file).Length > 0);
                Assert.False(_storage.HasExited, _storage.HasExited ? _storage.StandardError.ReadToEnd() : "");
                CommandResult loop = Shell.Run("losetup", "--find", "--show", file).Ok();
                Device = loop.Output.Trim();
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public string Device { get; } = "";
        public string Folder { get; }

        public void Mount()
        {
            Shell.Run("mount", Device, Folder).Ok();
            _isMounted = true;
        }

        public void Unmount()
        {
            Shell.Run("umount", Folder).Ok();
            _isMounted = false;
        }

        /// <summary>Nothing may be answered from the kernel's memory.</summary>
        public void Drop() => Shell.Run("blockdev", "--flushbufs", Device).Ok();

        public void Dispose()
        {
            if (!Directory.Exists(_root)) { return; }
            if (_isMounted) { _ = Shell.Run("umount", Folder); }
            if (Device.Length > 0) { _ = Shell.Run("losetup", "--detach", Device); }
            if (!_storage.HasExited)
            {
                _ = Libc.kill(_storage.Id, ChildProcess.SIGTERM);
                if (!_storage.WaitForExit(10_000)) { _storage.Kill(); }
            }
            _storage.Dispose();
            Directory.Delete(_root, recursive: true);
        }
    }
}
