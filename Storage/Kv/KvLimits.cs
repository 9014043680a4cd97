using Fastblock.Storage.Log;

namespace Fastblock.Storage.Kv;

/// <summary>Bounds of the key-value store.</summary>
internal static class KvLimits
{
    /// <summary>Longest key in bytes; the empty key is not allowed.</summary>
    public const int MaxKeyBytes = 256;

    public const int MaxValueBytes = 32 * 1024;

    /// <summary>Most bytes of one atomic batch.</summary>
    public const int MaxBatchBytes = LogLimits.MaxKvRecordBytes;
}
