using Fastblock.Native.Base;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

/// <summary>One device request of a move home or an installation; pooled by its <see cref="IoGroup"/>.</summary>
internal sealed class MoveIo(IoGroup group) : IoRequest
{
    /// <summary>The owner's own: which of its items the request carries.</summary>
    public int First { get; set; }

    /// <inheritdoc cref="First"/>
    public int Count { get; set; }

    public Errno Status { get; private set; }

    protected override void OnCompleted(Errno status)
    {
        Status = status;
        group.OnCompleted(this, status);
    }
}
