namespace Fastblock.Native.Base;

/// <summary>How much a log line matters, least first.</summary>
internal enum LogLevel
{
    Debug = 0,
    Info = 1,
    Warn = 2,
    Error = 3,
}
