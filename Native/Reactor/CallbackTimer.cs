using System;

namespace Fastblock.Native.Reactor;

/// <summary>A timer for owners that cannot derive from <see cref="TimerEntry"/>.</summary>
/// <param name="callback">Gets the iteration's time.</param>
internal sealed class CallbackTimer(Action<long> callback) : TimerEntry
{
    public override void OnTimer(long nowNanos) => callback(nowNanos);
}
