using System;
using System.Collections.Generic;
using Fastblock.Native.Linux;

namespace Fastblock.Roles.Vstart;

/// <summary>Chooses TCP ports on 127.0.0.1 and holds each until the end of the start, so that neither another server of
/// this cluster nor another vstart is given it before its server listens.</summary>
internal sealed class FreePorts : IDisposable
{
    /// <summary>Below the range that the kernel gives to outgoing connections, so that none of them takes it meanwhile.</summary>
    private const int First = 20_000;
    private const int End = 32_000;

    private readonly List<HeldPort> _held = [];

    public static bool IsFree(int port)
    {
        using HeldPort? held = HeldPort.TryTake(port, afterOurselves: true);
        return held is not null;
    }

    /// <summary><paramref name="preferred"/> when it is free, else any free one.</summary>
    /// <param name="wasOurs">A port that this very cluster had before.</param>
    public int Take(int preferred, bool wasOurs = false)
    {
        if (TryHold(preferred, wasOurs)) { return preferred; }
        // Seeded by the process, so that clusters started side by side look in different places.
        for (int i = 0, port = First + (Environment.ProcessId * 31 % (End - First)); i < End - First; i++, port++)
        {
            if (port >= End) { port = First; }
            if (TryHold(port, wasOurs: false)) { return port; }
        }
        return preferred;
    }

    public void Dispose()
    {
        foreach (HeldPort port in _held) { port.Dispose(); }
        _held.Clear();
    }

    private bool TryHold(int port, bool wasOurs)
    {
        if (_held.Exists(held => held.Port == port) || HeldPort.TryTake(port, wasOurs) is not { } taken) { return false; }
        _held.Add(taken);
        return true;
    }
}
