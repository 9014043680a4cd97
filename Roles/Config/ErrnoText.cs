using Fastblock.Native.Base;

namespace Fastblock.Roles.Config;

/// <summary>Plain words for a status, as an operator reads them.</summary>
internal static class ErrnoText
{
    public static string Of(Errno errno) => errno switch
    {
        Errno.None => "ok",
        Errno.NotPermitted => "not permitted",
        Errno.NotFound => "not found",
        Errno.Io => "input/output error",
        Errno.Again => "temporarily unavailable",
        Errno.NoMemory => "out of memory",
        Errno.AccessDenied => "permission denied",
        Errno.Busy => "in use by another process",
        Errno.Exists => "already exists",
        Errno.NoDevice => "no such device",
        Errno.Invalid => "invalid",
        Errno.NoSpace => "no space left",
        Errno.ReadOnly => "read-only",
        Errno.BadMessage => "checksum or format mismatch",
        Errno.Protocol => "protocol error",
        Errno.NotSupported => "not supported",
        Errno.AddressInUse => "address already in use",
        Errno.ConnectionReset or Errno.BrokenPipe => "connection lost",
        Errno.NotConnected => "not connected",
        Errno.TimedOut => "timed out",
        Errno.ConnectionRefused => "connection refused",
        Errno.HostUnreachable => "host unreachable",
        Errno.Stale => "superseded by a newer state",
        Errno.Canceled => "canceled",
        _ => $"error {(int)errno}",
    };
}
