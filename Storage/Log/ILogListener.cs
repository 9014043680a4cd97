using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Somebody who waits until records are durable. Called inside the reactor's loop, in order of sequence, normally
/// once per batch; calls must be harmless when repeated.</summary>
internal interface ILogListener
{
    /// <summary>Everything up to <paramref name="sequence"/> is durable: this record and all before it.</summary>
    void OnLogDurable(ulong sequence);

    /// <summary>The device failed a log write: nothing that is not durable by now will ever be, and the log takes no more.
    /// The shard must stop acknowledging anything.</summary>
    void OnLogFailed(Errno status);
}
