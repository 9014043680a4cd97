using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Mon;

/// <summary>Lets a task wait until one record of the log is durable.</summary>
internal sealed class DurableSignal : ILogListener
{
    /// <summary>None, or why it never will be.</summary>
    public ReactorSignal<Errno> Signal { get; } = new();

    /// <summary>What to wait for; set right after the append, which never completes within the call.</summary>
    public ulong Sequence { get; set; } = ulong.MaxValue;

    public void OnLogDurable(ulong sequence)
    {
        if (sequence >= Sequence && !Signal.IsSet) { Signal.Set(Errno.None); }
    }

    public void OnLogFailed(Errno status)
    {
        if (!Signal.IsSet) { Signal.Set(status); }
    }
}
