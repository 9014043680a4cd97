using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Cli;

/// <summary>A device that no server has open, for the offline readers. Taking it locks it, so a running server's device is
/// refused; the readers write nothing.</summary>
internal sealed class OfflineDevice(Reactor reactor, UringFile file)
{
    public Reactor Reactor { get; } = reactor;
    public string Path { get; } = file.Path;
    public IBlockDevice Device { get; } = new UringDevice(reactor, file);

    /// <summary>Runs a reader on a device, on a reactor of this thread.</summary>
    public static ExitCode Read(string path, Func<OfflineDevice, ReactorTask<ExitCode>> reader)
    {
        Errno error = UringFile.TryOpen(path, out UringFile? file, out string whyNot);
        if (file is null) { throw new OperatorException(OperatorException.CodeOf(error), whyNot); }
        using UringFile opened = file;
        using ClientReactor thread = ClientReactor.Create();
        return thread.RunToEnd(() => reader(new OfflineDevice(thread.Reactor, opened)));
    }

    /// <summary>The device's label; a device without a sound one cannot be read further.</summary>
    public async ReactorTask<VolumeLabel> LabelAsync()
    {
        VolumeResult result = await DeviceVolume.ReadLabelAsync(Device);
        return result is { Status: VolumeStatus.Ok, Label: VolumeLabel label } ? label
            : throw new OperatorException(result.Status is VolumeStatus.NotFormatted ? ExitCode.NotFound : ExitCode.Failed, $"{Path}: {result.Text}");
    }

    /// <summary>One shard's part.</summary>
    public IBlockDevice PartOf(VolumeLabel label, int shard) => new DevicePartition(Reactor, Device, label.PartOffset(shard), label.PartBytes);

    /// <summary>One shard, opened for reading; its text says what is wrong when it cannot be.</summary>
    public ReactorTask<ShardVolumeResult> ShardAsync(VolumeLabel label, int shard) =>
        ShardVolume.OpenAsync(Reactor, PartOf(label, shard), label, shard);
}
