using System.Runtime.InteropServices;

namespace Fastblock.Native.Linux;

/// <summary>The C library's calls that we use, named as in their man pages. A negative result means
/// <c>Marshal.GetLastPInvokeError()</c>. Grouped in Libc.*.cs by concern.</summary>
internal static unsafe partial class Libc
{
    public const int CLOCK_BOOTTIME = 7;

    // SuppressGCTransition: served by the vDSO without entering the kernel, 20 ns, never blocks.
    [LibraryImport("libc"), SuppressGCTransition]
    public static partial int clock_gettime(int clock, out Timespec time);

    [LibraryImport("libc")]
    public static partial int sched_yield();
}
