using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>Reads that began before a stamp ending: see <see cref="ReadPins"/>.</summary>
internal sealed class ReadGate(ReadPins pins) : Gate
{
    protected override bool IsReached(ulong target) => pins.AllEndedBefore(target);

    /// <summary>A read has ended.</summary>
    public void OnReadEnded() => Wake();
}
