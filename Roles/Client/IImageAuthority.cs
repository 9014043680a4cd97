using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>What an <see cref="ImageClient"/> needs from the monitors. Deadlines are in the reactor's clock; a call that
/// runs into one answers TimedOut and may have happened.</summary>
internal interface IImageAuthority
{
    /// <summary>The map as known now; kept up to date in place.</summary>
    ClusterMap Map { get; }

    void AddListener(IRouteListener listener);

    void RemoveListener(IRouteListener listener);

    /// <summary>Waits until a map as new as the monitors' has been received.</summary>
    ReactorTask<Errno> WaitForMapAsync(long deadlineNanos);

    /// <summary>Asks to own the image.</summary>
    /// <param name="takeOver">Even if another client owns it and lives.</param>
    ReactorTask<OwnershipGrant> AcquireAsync(ImageId image, string description, bool takeOver, long deadlineNanos);

    /// <summary>Says that the owner lives.</summary>
    /// <returns>None; Stale = somebody else owns it now; anything else: not known, ask again.</returns>
    ReactorTask<Errno> RenewAsync(ImageId image, ulong generation, long deadlineNanos);

    /// <summary>Says that we have the image open for reading, or no more: nobody is kept away by it, it is only shown.</summary>
    /// <returns>None and the time to live; anything else: they do not know, say it again.</returns>
    ReactorTask<OwnershipGrant> AnnounceReaderAsync(ImageId image, string description, bool isOpen, long deadlineNanos);

    ReactorTask<Errno> ReleaseAsync(ImageId image, ulong generation, long deadlineNanos);
}
