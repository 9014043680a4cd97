using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Volume;

/// <summary>The mark that lets an mkfs be repeated under the uuid with which it began.</summary>
public sealed class MkfsMarkTests : IDisposable
{
    private static readonly Guid Cluster = new("11111111-2222-3333-4444-555555555555");
    private static readonly Guid Uuid = new("00112233-4455-6677-8899-aabbccddeeff");

    private readonly FormatBench _bench = new(96 * Units.MiB);

    private MemoryDevice Memory => _bench.Device;

    [Fact]
    public void Its_offsets_are_pinned()
    {
        Assert.Equal(Errno.None, _bench.Run(MkfsMark.WriteAsync(Memory, Cluster, Uuid)));
        Span<byte> block = Memory.Contents(16384, 4096);
        Assert.Equal("FSTBMKFS"u8.ToArray(), block.Slice(8, 8).ToArray());
        Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(block[4..]));
        Assert.Equal("11111111222233334444555555555555", Convert.ToHexString(block.Slice(16, 16)));
        Assert.Equal("00112233445566778899AABBCCDDEEFF", Convert.ToHexString(block.Slice(32, 16)));
        Assert.Equal(16384, BinaryPrimitives.ReadInt64LittleEndian(block[48..]));
        Assert.True(block[56..].IndexOfAnyExcept((byte)0) < 0, "reserved bytes are zero");
    }

    [Fact]
    public void It_outlives_a_format_that_is_cut_short_and_is_gone_when_it_is_wiped()
    {
        Assert.Null(_bench.Run(MkfsMark.ReadAsync(Memory, Cluster)));
        _ = _bench.Run(MkfsMark.WriteAsync(Memory, Cluster, Uuid));
        Assert.Equal(Uuid, _bench.Run(MkfsMark.ReadAsync(Memory, Cluster)));
        VolumeFormatOptions options = new() { Cluster = Cluster, Kind = NodeKind.Osd, NodeId = 5, Device = Uuid, Shards = 2 };
        Assert.Equal(VolumeStatus.Ok, _bench.Run(DeviceVolume.FormatAsync(_bench.Reactor, Memory, options)).Status);
        Assert.Equal(Uuid, _bench.Run(MkfsMark.ReadAsync(Memory, Cluster)));
        Assert.Equal(Errno.None, _bench.Run(MkfsMark.ClearAsync(Memory)));
        Assert.Null(_bench.Run(MkfsMark.ReadAsync(Memory, Cluster)));
        Assert.Equal(VolumeStatus.Ok, _bench.Run(DeviceVolume.OpenAsync(_bench.Reactor, Memory, new VolumeExpectation())).Status);
    }

    [Fact]
    public void It_counts_for_its_own_cluster_only_and_not_when_any_bit_of_it_is_wrong()
    {
        byte[] block = new byte[4096];
        MkfsMark.Write(block, Cluster, Uuid);
        _ = _bench.Run(MkfsMark.WriteAsync(Memory, Cluster, Uuid));
        Assert.Null(_bench.Run(MkfsMark.ReadAsync(Memory, Guid.NewGuid())));
        for (int bit = 0; bit < 56 * 8; bit++)
        {
            block[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(MkfsMark.TryRead(block, out _, out _), $"bit {bit}");
            block[bit / 8] ^= (byte)(1 << bit % 8);
        }
        for (int length = 0; length < block.Length; length += 61) { Assert.False(MkfsMark.TryRead(block.AsSpan(0, length), out _, out _)); }
        Assert.True(MkfsMark.TryRead(block, out _, out _));
    }

    public void Dispose() => _bench.Dispose();
}
