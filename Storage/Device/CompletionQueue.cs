using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Device;

/// <summary>Requests that are done but must not be reported from within Submit: reports them, in order, from the reactor's
/// next run phase.</summary>
internal sealed class CompletionQueue(Reactor reactor) : IRunnable
{
    private readonly record struct Done(IoRequest Request, Errno Status);

    private readonly RingQueue<Done> _done = new();
    private bool _queued;

    public void Add(IoRequest request, Errno status)
    {
        _done.PushBack(new Done(request, status));
        if (_queued) { return; }
        _queued = true;
        reactor.Enqueue(this);
    }

    void IRunnable.Run()
    {
        _queued = false; // what completes from here on is for the next run phase
        for (int count = _done.Count; count > 0; count--)
        {
            Done done = _done.PopFront();
            done.Request.Complete(done.Status);
        }
    }
}
