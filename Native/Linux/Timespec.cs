using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Linux;

/// <summary>struct timespec, and struct __kernel_timespec, which is the same on 64-bit machines.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Timespec
{
    public long Seconds;
    public long Nanos;

    public static Timespec FromNanos(long nanos) =>
        new() { Seconds = nanos / Units.NanosPerSecond, Nanos = nanos % Units.NanosPerSecond };
}
