using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Linux;

/// <summary>Starts servers that outlive us: in a session of their own (the terminal's Ctrl-C does not reach them) and with
/// their output going straight to a file, which System.Diagnostics.Process cannot do. A process is known by its pid and
/// the time it started, so that a number that the kernel gave to somebody else is not taken for it.</summary>
internal static unsafe class ChildProcess
{
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;

    /// <summary>Starts <paramref name="path"/> with stdin empty and both outputs appended to <paramref name="logPath"/>.</summary>
    /// <param name="arguments">Without the program's name.</param>
    /// <param name="id">Also to be given to <see cref="Reap"/> once it has ended, or a zombie stays.</param>
    public static Errno TryStart(string path, IReadOnlyList<string> arguments, string logPath, out ProcessId id)
    {
        id = default;
        byte* actions = stackalloc byte[Libc.PosixSpawnOpaqueBytes], attributes = stackalloc byte[Libc.PosixSpawnOpaqueBytes];
        int error = Libc.posix_spawn_file_actions_init(actions);
        if (error == 0) { error = Libc.posix_spawnattr_init(attributes); }
        if (error != 0) { return (Errno)error; }
        List<string> argv = [path, .. arguments];
        List<string> environment = [];
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables()) { environment.Add($"{entry.Key}={entry.Value}"); }
        byte** argvBytes = ToNative(argv);
        byte** environmentBytes = ToNative(environment);
        try
        {
            error = Libc.posix_spawn_file_actions_addopen(actions, 0, "/dev/null", Libc.O_RDONLY, 0);
            if (error == 0)
            {
                error = Libc.posix_spawn_file_actions_addopen(actions, 1, logPath, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_APPEND, 0x1A4); // 0644
            }
            if (error == 0) { error = Libc.posix_spawn_file_actions_adddup2(actions, 1, 2); }
            // The new attribute's signal mask is empty: the child must not inherit what the runtime blocks in this thread.
            if (error == 0) { error = Libc.posix_spawnattr_setflags(attributes, Libc.POSIX_SPAWN_SETSID | Libc.POSIX_SPAWN_SETSIGMASK); }
            int pid = 0;
            if (error == 0) { error = Libc.posix_spawn(out pid, path, actions, attributes, argvBytes, environmentBytes); }
            if (error == 0) { id = new ProcessId(pid, StartTimeOf(pid)); }
            return (Errno)error;
        }
        finally
        {
            Free(argvBytes);
            Free(environmentBytes);
            _ = Libc.posix_spawnattr_destroy(attributes);
            _ = Libc.posix_spawn_file_actions_destroy(actions);
        }
    }

    /// <summary>Whether that very process runs; a zombie does not.</summary>
    public static bool IsAlive(ProcessId id) => id.Pid > 0 && StartTimeOf(id.Pid) == id.StartTicks && id.StartTicks != 0;

    /// <summary>Sends a signal to that very process; false when it is gone.</summary>
    public static bool TrySignal(ProcessId id, int signal) => IsAlive(id) && Libc.kill(id.Pid, signal) == 0;

    /// <summary>Takes the exit status of an ended child of ours, so that no zombie stays. Null while it runs, and for
    /// somebody else's child.</summary>
    public static string? Reap(ProcessId id)
    {
        if (Libc.waitpid(id.Pid, out int status, Libc.WNOHANG) != id.Pid) { return null; }
        int signal = status & 0x7F;
        return signal != 0 ? $"killed by signal {signal}" : $"exit code {(status >> 8) & 0xFF}";
    }

    /// <summary>Field 22 of /proc/PID/stat, in clock ticks since boot; 0 when there is no such process or it is a zombie.</summary>
    public static long StartTimeOf(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            // The name in parentheses may hold anything, so count from its end: state is field 3.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? 0 : long.Parse(fields[22 - 3], CultureInfo.InvariantCulture);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <summary>A null-terminated array of C strings, to be given to <see cref="Free"/>.</summary>
    private static byte** ToNative(List<string> texts)
    {
        byte** array = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        for (int i = 0; i < texts.Count; i++) { array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]); }
        return array;
    }

    private static void Free(byte** array)
    {
        for (byte** at = array; *at is not null; at++) { Marshal.FreeCoTaskMem((nint)(*at)); }
        NativeMemory.Free(array);
    }
}
