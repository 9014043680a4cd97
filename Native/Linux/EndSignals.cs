using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;

namespace Fastblock.Native.Linux;

/// <summary>The signals that ask a process to end in good order: SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal is gone).
/// A SIGHUP that is ignored, as nohup(1) has it, stays ignored.</summary>
internal sealed class EndSignals : IDisposable
{
    private const string IgnoredLine = "SigIgn:\t";

    private readonly List<PosixSignalRegistration> _registrations = [];

    /// <param name="onSignal">Runs on a thread of the runtime; with Cancel left false the signal ends the process at once.</param>
    public EndSignals(Action<PosixSignalContext> onSignal)
    {
        // Before the first registration: from then on the runtime has handlers of its own.
        bool hasHangUp = !IsIgnored(1);
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP])
        {
            if (signal is not PosixSignal.SIGHUP || hasHangUp) { _registrations.Add(PosixSignalRegistration.Create(signal, onSignal)); }
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) { registration.Dispose(); }
    }

    /// <summary>By the mask in /proc/self/status, bit 0 for signal 1; where it cannot be read nothing counts as ignored.</summary>
    private static bool IsIgnored(int signal)
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/self/status"))
            {
                if (!line.StartsWith(IgnoredLine, StringComparison.Ordinal)) { continue; }
                return ulong.TryParse(line.AsSpan(IgnoredLine.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong mask)
                    && (mask & (1UL << (signal - 1))) != 0;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
        return false;
    }
}
