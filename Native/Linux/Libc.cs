using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Linux;

/// <summary>The C library's calls that we use, named as in their man pages, for 64-bit Linux. A negative result means that
/// <see cref="LastErrno"/> says why. Grouped by concern in Libc.*.cs; the constants were printed by a C program, and
/// <c>LinuxLayoutTests</c> pins the structs.</summary>
internal static unsafe partial class Libc
{
    public const int CLOCK_BOOTTIME = 7;
    public const int RLIMIT_MEMLOCK = 8;
    public const int PROT_READ_WRITE = 3;
    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    public const int MAP_ANONYMOUS = 0x20;
    public const int MAP_NORESERVE = 0x4000;
    public const int MAP_POPULATE = 0x8000;
    public const int MADV_DONTNEED = 4;
    public const int MADV_HUGEPAGE = 14;
    public const int MADV_POPULATE_WRITE = 23;

    /// <summary>What mmap returns when it fails.</summary>
    public static void* MAP_FAILED => unchecked((void*)-1);

    /// <summary>errno of the last failed call of this thread. Read it at once.</summary>
    public static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();

    // SuppressGCTransition: served by the vDSO without entering the kernel, 20 ns, never blocks.
    [LibraryImport("libc"), SuppressGCTransition]
    public static partial int clock_gettime(int clock, out Timespec time);

    [LibraryImport("libc")]
    public static partial int sched_yield();

    /// <param name="pid">0 = the calling thread.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_setaffinity(int pid, nuint setBytes, void* set);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_getaffinity(int pid, nuint setBytes, void* set);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getrlimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setrlimit(int resource, in ResourceLimit limit);

    [LibraryImport("libc", SetLastError = true)]
    public static partial void* mmap(void* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int madvise(void* address, nuint length, int advice);

    // syscall(2) is variadic in C. All our arguments are integers or pointers, which the x86-64 and arm64 Linux
    // conventions pass the same way in both cases.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint syscall2(nint number, nint a, nint b);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint syscall4(nint number, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint syscall6(nint number, nint a, nint b, nint c, nint d, nint e, nint f);
}
