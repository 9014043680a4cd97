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

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fail(string expression, string file, int line) =>
        Environment.FailFast($"invariant violated: {expression} at {file}:{line}");
}
