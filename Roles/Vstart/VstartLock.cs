using System;
using System.IO;
using System.Threading;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary>Held while vstart starts or stops the servers of a folder: two at once would each start what is missing, and the
/// pid files would name only the last ones. The kernel gives it up with its process, however that ends; the servers do not
/// inherit it.</summary>
internal sealed class VstartLock : IDisposable
{
    private const int AskAgainMillis = 50;

    /// <summary>errno of a lock that somebody else holds (EAGAIN, the same as EWOULDBLOCK): what .NET gives the exception as HResult.</summary>
    private const int LockedHResult = 11;

    private readonly FileStream _file;

    private VstartLock(FileStream file) => _file = file;

    /// <summary>Takes the lock of a folder.</summary>
    /// <param name="path">Of the lock file, in a folder that exists.</param>
    /// <param name="wait">How long another one is waited for.</param>
    /// <param name="waiting">Called with who it is, once, before the waiting begins.</param>
    public static VstartLock Take(string path, TimeSpan wait, Action<string> waiting)
    {
        long deadline = Environment.TickCount64 + (long)wait.TotalMilliseconds;
        bool isTold = false;
        while (true)
        {
            if (TryTake(path) is { } taken) { return taken; }
            string other = $"another vstart is starting or stopping the cluster in {Path.GetDirectoryName(path)}";
            if (Environment.TickCount64 >= deadline)
            {
                throw new OperatorException(ExitCode.WrongState, $"{other}; try again when it has finished");
            }
            if (!isTold) { waiting(other); }
            isTold = true;
            Thread.Sleep(AskAgainMillis);
        }
    }

    public void Dispose() => _file.Dispose();

    private static VstartLock? TryTake(string path)
    {
        try
        {
            // FileShare.None is flock(2), close-on-exec included.
            return new VstartLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException locked) when (locked.HResult == LockedHResult)
        {
            return null;
        }
        catch (Exception other) when (other is IOException or UnauthorizedAccessException)
        {
            throw new OperatorException(other is IOException ? ExitCode.Failed : ExitCode.Permission, $"vstart: {path} cannot be locked: {other.Message}");
        }
    }
}
