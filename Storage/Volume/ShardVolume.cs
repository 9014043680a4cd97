using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Volume;

/// <summary>One shard's part of a device: its superblock, its log region and its data region. One reactor's thread only.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The block has a finalizer; a volume lives as long as its process.")]
internal sealed class ShardVolume
{
    private readonly AlignedMemory _block = new(2 * VolumeFormat.BlockBytes);
    private readonly Queue<ReactorSignal<bool>> _waiting = new();
    private bool _busy;

    private ShardVolume(IBlockDevice part, VolumeLabel label, in ShardSuperblock superblock)
    {
        Part = part;
        Label = label;
        Superblock = superblock;
    }

    /// <summary>The whole part; offsets below, and every <see cref="Log.LogLocation"/>, are relative to it.</summary>
    public IBlockDevice Part { get; }

    public VolumeLabel Label { get; }

    /// <summary>As it is on the device.</summary>
    public ShardSuperblock Superblock { get; private set; }

    public int Shard => Superblock.Shard;
    public long LogOffset => Superblock.LogOffset;
    public long LogBytes => (long)Superblock.SegmentBytes * Superblock.SegmentCount;
    public int SegmentBytes => Superblock.SegmentBytes;

    /// <summary>Where the data region begins and how long it is; both multiples of 64 KiB; 0 bytes on a monitor.</summary>
    public long DataOffset => Superblock.DataOffset;

    public long DataBytes => Superblock.DataBytes;

    /// <summary>Reads the superblock of a part and checks that it belongs to this device and shard. Writes nothing: the opening
    /// is recorded when the log has been replayed.</summary>
    public static async ReactorTask<ShardVolumeResult> OpenAsync(Reactor reactor, IBlockDevice part, VolumeLabel label, int shard)
    {
        if (part.SizeBytes < label.PartBytes)
        {
            return new ShardVolumeResult(VolumeStatus.TooSmall, null, $"the part of shard {shard} is cut off");
        }
        SuperblockChoice choice = new(label, shard);
        using AlignedMemory block = new(VolumeFormat.BlockBytes);
        for (int place = 0; place < ShardSuperblock.Places; place++)
        {
            long offset = ShardSuperblock.PlaceOffset(place);
            Errno status = await block.Request(IoKind.Read, offset, 0, VolumeFormat.BlockBytes).RunAsync(part);
            choice.Add(status, block.Span(0, VolumeFormat.BlockBytes), offset);
        }
        VolumeStatus result = choice.Result(out ShardSuperblock superblock, out string text);
        return result is VolumeStatus.Ok
            ? new ShardVolumeResult(VolumeStatus.Ok, new ShardVolume(part, label, in superblock), "")
            : new ShardVolumeResult(result, null, text);
    }

    /// <summary>Changes the superblock durably; updates run one after the other.</summary>
    /// <param name="change">From the state on the device to the new one; the sequence is set here.</param>
    public async ReactorTask<Errno> UpdateAsync(Func<ShardSuperblock, ShardSuperblock> change)
    {
        if (_busy)
        {
            ReactorSignal<bool> turn = new();
            _waiting.Enqueue(turn);
            _ = await turn;
        }
        _busy = true;
        ShardSuperblock next = change(Superblock) with { Sequence = Superblock.Sequence + 1 };
        int pair = (int)(next.Sequence % 2) * 2;
        Errno status = Errno.None;
        for (int place = pair; place < pair + 2 && status is Errno.None; place++)
        {
            long offset = ShardSuperblock.PlaceOffset(place);
            next.Write(_block.Span(0, VolumeFormat.BlockBytes), offset);
            status = await _block.Request(IoKind.Write, offset, 0, VolumeFormat.BlockBytes, durable: true).RunAsync(Part);
        }
        if (status is Errno.None) { Superblock = next; }
        _busy = false;
        if (_waiting.TryDequeue(out ReactorSignal<bool>? following))
        {
            _busy = true; // it is the next one's turn, not a newcomer's
            following.Set(true);
        }
        return status;
    }
}
