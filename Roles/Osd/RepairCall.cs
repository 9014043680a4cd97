using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Osd;

/// <summary>A question to another replica and its answer. Whoever asked gives the payload back with <see cref="Release"/>.</summary>
internal sealed class RepairCall(RepairLink link, RepairMessage message) : TimerEntry
{
    public RepairMessage Message => message;

    /// <summary>None and what the replica said, or why it did not answer: NotConnected, TimedOut.</summary>
    public ReactorSignal<Errno> Done { get; } = new();

    public uint Crc { get; set; }
    public ulong Version { get; set; }

    /// <summary>Lines of a scrub result.</summary>
    public byte[] Items { get; set; } = [];

    /// <summary>One block; one reference.</summary>
    public PooledBuffer? Payload { get; set; }

    public void Release()
    {
        Payload?.Release();
        Payload = null;
    }

    public override void OnTimer(long nowNanos) => link.OnTimedOut(this);
}
