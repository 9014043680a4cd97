namespace Fastblock.Storage.Volume;

/// <summary>Outcome of opening one shard's part.</summary>
internal readonly record struct ShardVolumeResult(VolumeStatus Status, ShardVolume? Volume, string Text);
