using System.Globalization;
using System.Runtime.CompilerServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Linux;

/// <summary>Binding of threads to cores. 1,024 cores, as in glibc's cpu_set_t.</summary>
internal static unsafe class CoreSet
{
    private const int MaxCores = 1024;

    /// <summary>Binds the calling thread to one core.</summary>
    /// <returns>None, or Invalid when there is no such core or this process may not use it.</returns>
    public static Errno PinThisThread(int core)
    {
        if (core is < 0 or >= MaxCores) { return Errno.Invalid; }
        ulong* set = stackalloc ulong[MaxCores / 64];
        Unsafe.InitBlock(set, 0, MaxCores / 8);
        set[core / 64] = 1UL << (core % 64);
        return Libc.sched_setaffinity(0, MaxCores / 8, set) == 0 ? Errno.None : Libc.LastErrno;
    }

    /// <summary>The cores of a text such as "0,1"; null when it is not one, or this thread may not use one of them.</summary>
    public static int[]? TryParse(string text)
    {
        string[] parts = text.Split(',');
        int[] cores = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out cores[i]) || !IsAllowed(cores[i])) { return null; }
        }
        return cores;
    }

    /// <summary>True when this thread may run on the core.</summary>
    public static bool IsAllowed(int core)
    {
        if (core is < 0 or >= MaxCores) { return false; }
        ulong* set = stackalloc ulong[MaxCores / 64];
        Unsafe.InitBlock(set, 0, MaxCores / 8);
        return Libc.sched_getaffinity(0, MaxCores / 8, set) == 0 && (set[core / 64] >> (core % 64) & 1) != 0;
    }
}
