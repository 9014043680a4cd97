using System;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>The key-value store that lives on a log: gets its records back when the log is opened and copies forward what is
/// live in a segment that is to be freed.</summary>
internal interface IKvLogClient
{
    /// <summary>During replay, in log order: the body of one record of a batch; all of it or nothing.</summary>
    /// <param name="segment">Segment that the record lies in.</param>
    /// <returns>False when the record cannot be understood: nothing of it was taken.</returns>
    bool OnReplayKv(ReadOnlySpan<byte> operations, ulong segment);

    /// <summary>The log is open: appends are possible from now on.</summary>
    void OnLogOpened(DiskLog log);

    /// <summary>Appends again, as cleaning records, what is live in <paramref name="segment"/>.</summary>
    /// <param name="more">True = a part is done, call again when the log has room for more batches.</param>
    Errno CopyForward(ulong segment, out bool more);
}
