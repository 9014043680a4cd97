using System;
using System.Diagnostics;
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
