using System;

namespace Fastblock.Native.Base;

/// <summary>Test hook: switches one defect on for the calling thread, to prove that the simulator finds it. Nothing in the
/// product can set it; unset, a check is one predicted branch on a static.</summary>
internal static class Sabotage
{
    private static bool _everUsed;

    [ThreadStatic]
    private static SabotageKind _kind;

    /// <summary>True only in a test that asked for this very defect.</summary>
    public static bool Is(SabotageKind kind) => _everUsed && _kind == kind;

    /// <summary>Tests only: None ends it.</summary>
    public static void Use(SabotageKind kind)
    {
        _kind = kind;
        if (kind != SabotageKind.None) { _everUsed = true; }
    }
}
