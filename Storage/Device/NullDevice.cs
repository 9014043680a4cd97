using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Device;

/// <summary>Forgets writes and reads zeros: measures everything but the data path's end.</summary>
internal sealed unsafe class NullDevice(Reactor reactor, long sizeBytes) : IBlockDevice
{
    private readonly CompletionQueue _done = new(reactor);

    public long SizeBytes => sizeBytes;

    public void Submit(IoRequest request)
    {
        Errno status = RequestBounds.Check(request, sizeBytes);
        if (status is Errno.None && request.Kind is IoKind.Read)
        {
            for (int i = 0; i < request.SegmentCount; i++)
            {
                NativeMemory.Clear(request.Segments[i].Base, request.Segments[i].Length);
            }
        }
        _done.Add(request, status);
    }
}
