using Fastblock.Native.Base;

namespace Fastblock.Roles.Client;

/// <summary>The outcome of opening an image.</summary>
/// <param name="Status">None; NotFound; Busy = owned by a living client; TimedOut; NotConnected; Stale = taken over while
/// opening.</param>
/// <param name="Text">For humans, when it failed: what and what to do.</param>
internal readonly record struct ImageOpenResult(Errno Status, string Text)
{
    public bool IsOk => Status == Errno.None;
}
