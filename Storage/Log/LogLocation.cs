namespace Fastblock.Storage.Log;

/// <summary>Where payload blocks lie on the shard's device, in bytes; reading them back is a plain device read.</summary>
internal readonly record struct LogLocation(long DeviceOffset);
