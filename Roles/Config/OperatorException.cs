using System;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Config;

/// <summary>A mistake that the operator can mend: bad configuration, port in use, wrong disk. The text says what, where
/// and what to do. Caught once, in <c>Program</c>, which prints it without a stack and exits with the code. Never thrown
/// on a reactor's I/O path.</summary>
internal sealed class OperatorException(ExitCode code, string text) : Exception(text)
{
    public ExitCode Code { get; } = code;

    /// <summary>An operation that a kernel, device or server refused with <paramref name="errno"/>.</summary>
    public static OperatorException FromErrno(Errno errno, string text) => new(CodeOf(errno), $"{text}: {ErrnoText.Of(errno)}");

    /// <summary>The exit code that says the same as <paramref name="errno"/>.</summary>
    public static ExitCode CodeOf(Errno errno) => errno switch
    {
        Errno.None => ExitCode.Ok,
        Errno.NotFound or Errno.NoDevice => ExitCode.NotFound,
        Errno.Exists => ExitCode.Exists,
        Errno.Invalid => ExitCode.Usage,
        Errno.Busy or Errno.ReadOnly or Errno.Stale or Errno.NoSpace or Errno.AddressInUse => ExitCode.WrongState,
        Errno.TimedOut => ExitCode.Timeout,
        Errno.NotConnected or Errno.ConnectionRefused or Errno.ConnectionReset or Errno.HostUnreachable
            or Errno.BrokenPipe => ExitCode.NoConnection,
        Errno.NotPermitted or Errno.AccessDenied => ExitCode.Permission,
        _ => ExitCode.Failed,
    };
}
