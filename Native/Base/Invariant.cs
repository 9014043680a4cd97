using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Fastblock.Native.Base;

/// <summary>Checks that stay on in release builds. A violated invariant is a bug of ours, and going on could lose data,
/// so the process prints the expression and the place and aborts. Bytes from outside never reach one.</summary>
internal static class Invariant
{
    /// <summary>Requires <paramref name="condition"/>; costs one predicted branch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Require(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string expression = "",
        [CallerFilePath] string file = "",
        [CallerLineNumber] int line = 0)
    {
        if (!condition) { Fail(expression, file, line); }
    }

    /// <summary>Tests only: on the calling thread a violation throws <see cref="InvariantViolation"/> and does not abort.</summary>
    [field: ThreadStatic]
    public static bool ThrowsOnThisThread { get; set; }

    /// <summary>Tests only: the first violation on this thread, whoever caught its exception; null = none.</summary>
    [field: ThreadStatic]
    public static string? FirstViolation { get; set; }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fail(string expression, string file, int line)
    {
        string message = $"invariant violated: {expression} at {file}:{line}";
        if (ThrowsOnThisThread)
        {
            FirstViolation ??= message;
            throw new InvariantViolation(message);
        }
        Environment.FailFast(message);
    }
}
