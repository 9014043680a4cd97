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

    public static uint Of(Errno status) => status switch
    {
        Errno.None => None,
        Errno.NoSpace => ENOSPC,
        Errno.ReadOnly => EPERM,
        Errno.Invalid => EINVAL,
        Errno.NotSupported => ENOTSUP,
        Errno.NoMemory or Errno.NoBuffers => ENOMEM,
        // Fenced, removed or closing: this server will never serve the image again.
        Errno.Stale or Errno.NotFound or Errno.ShutDown => ESHUTDOWN,
        _ => EIO,
    };
}
