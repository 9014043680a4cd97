using Fastblock.Native.Base;

namespace Fastblock.Roles.Nbd;

/// <summary>The error numbers that the protocol knows.</summary>
internal static class NbdError
{
    public const uint None = 0;
    public const uint EPERM = 1;
    public const uint EIO = 5;
    public const uint ENOMEM = 12;
    public const uint EINVAL = 22;
    public const uint ENOSPC = 28;
    public const uint EOVERFLOW = 75;
    public const uint ENOTSUP = 95;
    public const uint ESHUTDOWN = 108;

    /// <param name="writes">The command was a write: beyond the end of the export, as it is since it became smaller, that has an
    /// error of its own.</param>
    public static uint Of(Errno status, bool writes = false) => status switch
    {
        Errno.None => None,
        Errno.NoSpace => ENOSPC,
        Errno.ReadOnly => EPERM,
        Errno.Invalid => writes ? ENOSPC : EINVAL,
        Errno.NotSupported => ENOTSUP,
        Errno.NoMemory or Errno.NoBuffers => ENOMEM,
        // Fenced, removed or closing: this server will never serve the image again.
        Errno.Stale or Errno.NotFound or Errno.ShutDown => ESHUTDOWN,
        _ => EIO,
    };
}
