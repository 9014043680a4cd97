using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Outcome of opening a log.</summary>
/// <param name="Status">None = <paramref name="Log"/> is there.</param>
/// <param name="Log">The log, ready for appends.</param>
/// <param name="Text">For the operator, when the status is not None.</param>
internal readonly record struct LogOpenResult(Errno Status, DiskLog? Log, string Text);
