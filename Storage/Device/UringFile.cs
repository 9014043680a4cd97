using System;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;

namespace Fastblock.Storage.Device;

/// <summary>An open file or block device, locked against every other process. One per disk, shared by the
/// <see cref="UringDevice"/>s of all reactors that work on it. Thread-safe after opening.</summary>
internal sealed unsafe class UringFile : IDisposable
{
    private int _fd;

    private UringFile(int fd, string path, long sizeBytes, bool isDirect, bool isBlockDevice)
    {
        _fd = fd;
        Path = path;
        SizeBytes = sizeBytes;
        IsDirect = isDirect;
        IsBlockDevice = isBlockDevice;
    }

    public string Path { get; }

    /// <summary>Whole blocks only.</summary>
    public long SizeBytes { get; }

    /// <summary>False when the file system refuses O_DIRECT: I/O then goes through the page cache, worth one log line.
    /// Durability is the same.</summary>
    public bool IsDirect { get; }

    public bool IsBlockDevice { get; }

    internal int Fd => _fd;

    /// <summary>Opens what exists and locks it. A file must have been created and sized before.</summary>
    /// <param name="whyNot">For the operator, when it fails: what, where and what to do.</param>
    public static Errno TryOpen(string path, [NotNullWhen(true)] out UringFile? file, out string whyNot)
    {
        file = null;
        int fd = Open(path, out bool isDirect, out bool isBlockDevice, out Errno error);
        if (fd < 0)
        {
            whyNot = error switch
            {
                Errno.NotFound => $"{path} does not exist",
                Errno.Busy => $"{path} is in use: mounted, or held by another process",
                Errno.AccessDenied or Errno.NotPermitted => $"{path} may not be opened for reading and writing by this user",
                Errno.Invalid => $"{path} is neither a regular file nor a block device",
                _ => $"{path} could not be opened: {error}",
            };
            return error;
        }
        FileLock exclusive = new() { Type = Libc.F_WRLCK };
        if (Libc.fcntl(fd, Libc.F_OFD_SETLK, &exclusive) != 0)
        {
            error = Libc.LastErrno is Errno.Again or Errno.AccessDenied ? Errno.Busy : Libc.LastErrno;
            _ = Libc.close(fd);
            whyNot = error is Errno.Busy
                ? $"{path} is in use by another fastblock process: stop that one first"
                : $"{path} could not be locked: {error}";
            return error;
        }
        long size = SizeOf(fd, isBlockDevice);
        if (size < Units.BlockBytes)
        {
            _ = Libc.close(fd);
            whyNot = $"{path} has only {size} bytes, less than one block: give it a size first";
            return Errno.Invalid;
        }
        file = new UringFile(fd, path, size / Units.BlockBytes * Units.BlockBytes, isDirect, isBlockDevice);
        whyNot = "";
        return Errno.None;
    }

    /// <summary>Creates a file of <paramref name="sizeBytes"/> without allocating its blocks, for mkfs; an existing one is
    /// refused with Exists. The file and its name are durable on return.</summary>
    public static Errno TryCreate(string path, long sizeBytes)
    {
        int fd = Libc.open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_EXCL | Libc.O_CLOEXEC, 0x1B0); // rw-rw----
        if (fd < 0) { return Libc.LastErrno; }
        Errno error = Libc.ftruncate(fd, sizeBytes) != 0 || Libc.fsync(fd) != 0 ? Libc.LastErrno : Errno.None;
        _ = Libc.close(fd);
        return error is Errno.None ? SyncDirectoryOf(path) : error;
    }

    /// <summary>Makes creations, renames and deletions in the directory of <paramref name="path"/> durable.</summary>
    public static Errno SyncDirectoryOf(string path)
    {
        string directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) ?? "/";
        int fd = Libc.open(directory, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (fd < 0) { return Libc.LastErrno; }
        Errno error = Libc.fsync(fd) != 0 ? Libc.LastErrno : Errno.None;
        _ = Libc.close(fd);
        return error;
    }

    /// <summary>Closes and unlocks; no request may be in flight.</summary>
    public void Dispose()
    {
        if (_fd < 0) { return; }
        _ = Libc.close(_fd);
        _fd = -1;
    }

    private static int Open(string path, out bool isDirect, out bool isBlockDevice, out Errno error)
    {
        isDirect = true;
        isBlockDevice = false;
        error = Errno.None;
        // O_EXCL without O_CREAT claims a block device for us alone; on a regular file it would be undefined.
        int probe = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0);
        if (probe < 0)
        {
            error = Libc.LastErrno;
            return -1;
        }
        int statResult = Libc.fstat(probe, out FileStatus status);
        _ = Libc.close(probe);
        if (statResult != 0 || !(status.IsRegularFile || status.IsBlockDevice))
        {
            error = Errno.Invalid;
            return -1;
        }
        isBlockDevice = status.IsBlockDevice;
        int flags = Libc.O_RDWR | Libc.O_CLOEXEC | (isBlockDevice ? Libc.O_EXCL : 0);
        int fd = Libc.open(path, flags | Libc.O_DIRECT, 0);
        if (fd < 0 && Libc.LastErrno is Errno.Invalid)
        {
            isDirect = false;
            fd = Libc.open(path, flags, 0);
        }
        if (fd < 0) { error = Libc.LastErrno; }
        return fd;
    }

    private static long SizeOf(int fd, bool isBlockDevice)
    {
        if (isBlockDevice)
        {
            ulong bytes = 0;
            return Libc.ioctl(fd, Libc.BLKGETSIZE64, &bytes) == 0 ? (long)bytes : 0;
        }
        return Libc.fstat(fd, out FileStatus status) == 0 ? status.SizeBytes : 0;
    }
}
