using Fastblock.Native.Base;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

/// <summary>One device request of an <see cref="ObjectRead"/>; pooled by the store.</summary>
internal sealed class ReadPart(ObjectStore store) : IoRequest
{
    public ObjectRead? Owner { get; set; }

    protected override void OnCompleted(Errno status) => store.OnPartRead(this, status);
}
