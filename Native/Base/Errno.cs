namespace Fastblock.Native.Base;

/// <summary>Expected outcomes of operations, with Linux's numbers so that a kernel error passes through unchanged.
/// Ignoring one is a build error; the written exception is <c>_ =</c>.</summary>
internal enum Errno
{
    None = 0,
    NotPermitted = 1,
    NotFound = 2,
    Interrupted = 4,
    Io = 5,
    Again = 11,
    NoMemory = 12,
    AccessDenied = 13,
    Busy = 16,
    Exists = 17,
    NoDevice = 19,
    Invalid = 22,
    NoSpace = 28,
    ReadOnly = 30,
    BrokenPipe = 32,
    /// <summary>A checksum, magic or identity did not match: EBADMSG.</summary>
    BadMessage = 74,
    Protocol = 71,
    /// <summary>The operation is not supported by this build, kernel or peer: EOPNOTSUPP.</summary>
    NotSupported = 95,
    AddressInUse = 98,
    ConnectionReset = 104,
    NoBuffers = 105,
    NotConnected = 107,
    ShutDown = 108,
    TimedOut = 110,
    ConnectionRefused = 111,
    HostUnreachable = 113,
    /// <summary>The answer would come from, or the request was made under, a superseded state: ESTALE.</summary>
    Stale = 116,
    Canceled = 125,
}
