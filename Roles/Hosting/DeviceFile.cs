using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Roles.Config;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Hosting;

/// <summary>Opens a server's device from its main thread, before any reactor runs.</summary>
internal static class DeviceFile
{
    /// <summary>How long a locked device is waited for. The kernel gives up a killed process's requests, and with them its lock,
    /// only some time after the process is gone; a restart must not fail because of that.</summary>
    private static readonly TimeSpan LockWait = TimeSpan.FromSeconds(5);

    /// <summary>A --size of mkfs; nothing is a usage error.</summary>
    public static long ParseSize(string text)
    {
        long bytes = SizeText.Parse(text, "--size");
        return bytes >= Units.BlockBytes ? bytes
            : throw new OperatorException(ExitCode.Usage, $"--size {text}: must be at least {Units.BlockBytes} bytes");
    }

    /// <summary>Makes a new file of whole blocks; what is wrong is an error for the operator that begins with
    /// <paramref name="who"/>.</summary>
    public static void Create(string path, long bytes, string who)
    {
        Errno error = UringFile.TryCreate(path, bytes / Units.BlockBytes * Units.BlockBytes);
        if (error == Errno.None) { return; }
        string text = $"{who}: {path} cannot be made";
        throw error == Errno.NotFound
            ? new OperatorException(ExitCode.NotFound, $"{text}: the folder {Path.GetDirectoryName(Path.GetFullPath(path))} does not exist")
            : OperatorException.FromErrno(error, text);
    }

    /// <summary>Opens and locks what exists; what is wrong is an error for the operator that begins with <paramref name="who"/>.</summary>
    public static UringFile Open(string path, string who)
    {
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            Errno error = UringFile.TryOpen(path, out UringFile? file, out string whyNot);
            if (error == Errno.None) { return file!; }
            if (error != Errno.Busy || Stopwatch.GetElapsedTime(begin) > LockWait)
            {
                throw new OperatorException(OperatorException.CodeOf(error), $"{who}: {whyNot}");
            }
            Thread.Sleep(20);
        }
    }
}
