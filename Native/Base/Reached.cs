using System;

namespace Fastblock.Native.Base;

/// <summary>Coverage marks: rare branches of the protocols call <see cref="Mark"/>, and a test over many simulator seeds fails
/// when a mark was never reached. Without a collector on the calling thread (production) a mark is one predicted branch.</summary>
internal static class Reached
{
    // Set once by the first collector of the process, so that production never pays for the thread-local look-up.
    private static bool _collecting;

    [ThreadStatic]
    private static Action<string>? _collector;

    /// <summary>Says that this place was reached.</summary>
    /// <param name="name">A constant: area, colon, what happened ("raft: conflicting suffix dropped").</param>
    public static void Mark(string name)
    {
        if (_collecting) { _collector?.Invoke(name); }
    }

    /// <summary>Tests only: collects the marks of the calling thread until it is called with null.</summary>
    public static void Collect(Action<string>? collector)
    {
        _collector = collector;
        if (collector != null) { _collecting = true; }
    }
}
