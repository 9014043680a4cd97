using System;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>A freshly formatted volume with one shard, and its log and key-value store, opened as an OSD opens them.</summary>
internal sealed record BenchVolume(ShardVolume Volume, DiskLog Log, KvStore Kv)
{
    /// <param name="replay">Given to the log; hears nothing, as the log is empty.</param>
    public static async ReactorTask<BenchVolume> MakeAsync(Reactor reactor, IBlockDevice device, uint node, Guid instance, IReplaySink replay)
    {
        VolumeResult made = await DeviceVolume.FormatAsync(reactor, device, new VolumeFormatOptions
        {
            Cluster = Guid.NewGuid(),
            Kind = NodeKind.Osd,
            NodeId = node,
            Device = instance,
            CreatedWallMillis = reactor.Clock.WallMillis,
            Force = true,
        });
        VolumeLabel label = made.Label is not null && made.Status is VolumeStatus.Ok ? made.Label : throw Failed(made.Text);
        DevicePartition part = new(reactor, device, label.PartOffset(0), label.PartBytes);
        ShardVolumeResult shard = await ShardVolume.OpenAsync(reactor, part, label, 0);
        ShardVolume volume = shard.Volume ?? throw Failed(shard.Text);
        KvStore kv = new();
        LogOpenResult opened = await DiskLog.OpenAsync(reactor, volume, new DiskLogOptions(), replay, kv);
        return new BenchVolume(volume, opened.Log ?? throw Failed(opened.Text), kv);
    }

    private static OperatorException Failed(string text) => new(ExitCode.Failed, $"the bench's volume cannot be made: {text}");
}
