using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Volume;

/// <summary>Labels and superblocks: bytes, copies, refusals.</summary>
public sealed class VolumeTests : IDisposable
{
    private const long DeviceBytes = 96 * 1024 * 1024;
    private static readonly Guid Cluster = new("11111111-2222-3333-4444-555555555555");
    private static readonly Guid Device = new("00112233-4455-6677-8899-aabbccddeeff");

    private readonly FormatBench _bench = new(DeviceBytes);

    private MemoryDevice Memory => _bench.Device;

    [Fact]
    public void Offsets_of_the_label_are_pinned()
    {
        VolumeLabel label = Format().Label!;
        Span<byte> block = Memory.Contents(0, 4096);
        Assert.Equal("FSTBLABL"u8.ToArray(), block.Slice(8, 8).ToArray());
        Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(block[4..]));
        Assert.Equal("11111111222233334444555555555555", Convert.ToHexString(block.Slice(16, 16)));
        Assert.Equal("00112233445566778899AABBCCDDEEFF", Convert.ToHexString(block.Slice(32, 16)));
        Assert.Equal((byte)1, block[48]);
        Assert.Equal(5u, BinaryPrimitives.ReadUInt32LittleEndian(block[52..]));
        Assert.Equal(1UL, BinaryPrimitives.ReadUInt64LittleEndian(block[56..]));
        Assert.Equal(DeviceBytes, BinaryPrimitives.ReadInt64LittleEndian(block[96..]));
        Assert.Equal(65536, BinaryPrimitives.ReadInt64LittleEndian(block[104..]));
        Assert.Equal(label.PartBytes, BinaryPrimitives.ReadInt64LittleEndian(block[112..]));
        Assert.Equal(2, BinaryPrimitives.ReadInt32LittleEndian(block[120..]));
        Assert.True(block[136..].IndexOfAnyExcept((byte)0) < 0, "reserved bytes are zero");
        Assert.Equal(Crc32C.Compute(block[4..]), BinaryPrimitives.ReadUInt32LittleEndian(block));
        Assert.Equal("FSTBSHRD"u8.ToArray(), Memory.Contents(65536 + 8, 8).ToArray());
        Assert.Equal(label.PartOffset(1), label.FirstPartBytes + label.PartBytes);
    }

    [Fact]
    public void Offsets_of_the_superblock_are_pinned()
    {
        byte[] block = new byte[4096];
        ShardSuperblock written = new()
        {
            Device = Device,
            Shard = 1,
            Shards = 2,
            Sequence = 3,
            Generation = 4,
            PartBytes = 1 << 30,
            LogOffset = 65536,
            SegmentBytes = 1 << 20,
            SegmentCount = 16,
            DataOffset = 65536 + (16 << 20),
            DataBytes = 1 << 29,
            StartSegment = 5,
            StartBatch = 6,
            StartChain = 7,
            Flags = SuperblockFlags.CleanEnd,
            DurableBatch = 8,
            GenerationFirstBatch = 9,
            TermCeiling = 14,
        };
        written.Write(block, 4096);
        Assert.Equal("00112233445566778899AABBCCDDEEFF", Convert.ToHexString(block.AsSpan(16, 16)));
        (int At, ulong Value)[] words = [(40, 3), (48, 4096), (56, 4), (64, 1 << 30), (72, 65536), (96, 1 << 29), (128, 5), (136, 6), (152, 8), (160, 9), (168, 0), (288, 0), (296, 14)];
        foreach ((int at, ulong value) in words) { Assert.Equal(value, BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(at))); }
        (int At, uint Value)[] halves = [(32, 1), (36, 2), (80, 1 << 20), (84, 16), (144, 7), (148, 1)];
        foreach ((int at, uint value) in halves) { Assert.Equal(value, BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(at))); }
        Assert.Equal(BlockState.Valid, ShardSuperblock.TryRead(block, 4096, out _, out ShardSuperblock read));
        Assert.Equal(written, read);
        Assert.Equal(BlockState.Misdirected, ShardSuperblock.TryRead(block, 0, out _, out _));
    }

    [Fact]
    public void Formatting_twice_is_refused_and_says_whose_it_is()
    {
        Assert.Equal(VolumeStatus.Ok, Format().Status);
        VolumeResult again = Format();
        Assert.Equal(VolumeStatus.AlreadyFormatted, again.Status);
        Assert.Contains("osd.5 of cluster 11111111", again.Text, StringComparison.Ordinal);
        Assert.Contains("--force", again.Text, StringComparison.Ordinal);
        Assert.Equal(VolumeStatus.Ok, Format(force: true).Status);
    }

    [Fact]
    public void Every_wrongMemory_is_refused_with_its_own_status_and_text()
    {
        Assert.Equal(VolumeStatus.NotFormatted, Open(new VolumeExpectation()).Status);
        _ = Format();
        Assert.Equal(VolumeStatus.Ok, Open(new VolumeExpectation { Cluster = Cluster, Kind = NodeKind.Osd, NodeId = 5, Shards = 2 }).Status);
        Check(new VolumeExpectation { Cluster = Guid.Empty }, VolumeStatus.WrongCluster, "not to cluster 0000");
        Check(new VolumeExpectation { NodeId = 6 }, VolumeStatus.WrongNode, "not to osd.6");
        Check(new VolumeExpectation { Kind = NodeKind.Mon }, VolumeStatus.WrongNode, "not to a monitor");
        Check(new VolumeExpectation { Shards = 4 }, VolumeStatus.WrongShardCount, "the cluster has 4");
        void Check(VolumeExpectation expected, VolumeStatus status, string text)
        {
            VolumeResult result = Open(expected);
            Assert.Equal(status, result.Status);
            Assert.Contains(text, result.Text, StringComparison.Ordinal);
            Assert.Contains("osd.5", result.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Unknown_versions_and_features_are_refused()
    {
        _ = Format();
        Rewrite(block => BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(4), 2));
        VolumeResult newer = Open(new VolumeExpectation());
        Assert.Equal(VolumeStatus.UnknownVersion, newer.Status);
        Assert.Contains("format version 2", newer.Text, StringComparison.Ordinal);
        Rewrite(block => BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(4), 1));
        Rewrite(block => BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(88), 1)); // ignore
        Assert.Equal(VolumeStatus.Ok, Open(new VolumeExpectation()).Status);
        Rewrite(block => BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(80), 2)); // read-only
        Assert.Equal(VolumeStatus.UnknownFeature, Open(new VolumeExpectation()).Status);
        Rewrite(block => BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(80), 0));
        Rewrite(block => BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(72), 4)); // refuse
        Assert.Equal(VolumeStatus.UnknownFeature, Open(new VolumeExpectation()).Status);

        void Rewrite(Action<byte[]> change)
        {
            for (int copy = 0; copy < LabelFormat.Copies; copy++)
            {
                Span<byte> at = Memory.Contents(LabelFormat.CopyOffset(copy, DeviceBytes), 4096);
                byte[] block = at.ToArray();
                change(block);
                BinaryPrimitives.WriteUInt32LittleEndian(block, Crc32C.Compute(block.AsSpan(4)));
                block.CopyTo(at);
            }
        }
    }

    [Fact]
    public void Any_one_good_copy_of_the_label_is_enough()
    {
        _ = Format();
        for (int good = 0; good < LabelFormat.Copies; good++)
        {
            byte[] all = Memory.Contents(0, (int)DeviceBytes).ToArray();
            for (int copy = 0; copy < LabelFormat.Copies; copy++)
            {
                if (copy != good) { Memory.Contents(LabelFormat.CopyOffset(copy, DeviceBytes), 512).Fill(0xEE); }
            }
            Assert.Equal(VolumeStatus.Ok, Open(new VolumeExpectation()).Status);
            all.CopyTo(Memory.Contents(0, (int)DeviceBytes));
        }
        for (int copy = 0; copy < LabelFormat.Copies; copy++) { Memory.Contents(LabelFormat.CopyOffset(copy, DeviceBytes) + 100, 1)[0] ^= 1; }
        Assert.Equal(VolumeStatus.Damaged, Open(new VolumeExpectation()).Status);
    }

    [Fact]
    public void Every_bit_flip_of_a_label_is_noticed()
    {
        _ = Format();
        byte[] block = Memory.Contents(0, 4096).ToArray();
        for (int bit = 0; bit < 8 * 4096; bit += bit < 8 * 200 ? 1 : 97)
        {
            block[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(BlockState.Valid, LabelFormat.TryRead(block, 0, out _, out _));
            block[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        Assert.Equal(BlockState.Misdirected, LabelFormat.TryRead(block, 32768, out _, out _));
        Assert.Equal(BlockState.NotThere, LabelFormat.TryRead(block.AsSpan(0, 100), 0, out _, out _));
    }

    [Fact]
    public void Every_bit_flip_and_every_cut_of_a_superblock_is_noticed()
    {
        VolumeLabel label = Format().Label!;
        byte[] block = Memory.Contents(label.PartOffset(0), 4096).ToArray();
        Assert.Equal(BlockState.Valid, ShardSuperblock.TryRead(block, 0, out _, out _));
        for (int bit = 0; bit < 8 * 4096; bit += bit < 8 * 300 ? 1 : 97)
        {
            block[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(BlockState.Valid, ShardSuperblock.TryRead(block, 0, out _, out _));
            block[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        for (int length = 0; length < 4096; length += 41)
        {
            Assert.NotEqual(BlockState.Valid, ShardSuperblock.TryRead(block.AsSpan(0, length), 0, out _, out _));
        }
    }

    [Fact]
    public void A_superblock_of_another_shard_orMemory_is_refused()
    {
        VolumeLabel label = Format().Label!;
        Assert.Equal(VolumeStatus.Ok, OpenShard(label, 1, label.PartOffset(1)).Status);
        ShardVolumeResult wrong = OpenShard(label, 1, label.PartOffset(0));
        Assert.Equal(VolumeStatus.Damaged, wrong.Status);
        Assert.Contains("another device or shard", wrong.Text, StringComparison.Ordinal);
        Assert.Equal(VolumeStatus.Damaged, OpenShard(label with { Device = Guid.Empty }, 0, label.PartOffset(0)).Status);
    }

    [Fact]
    public void Superblock_updates_alternate_and_survive_the_loss_of_the_newest_pair()
    {
        VolumeLabel label = Format().Label!;
        ShardVolume volume = OpenShard(label, 0, label.PartOffset(0)).Volume!;
        for (ulong i = 1; i <= 5; i++)
        {
            ulong start = i;
            Assert.Equal(Errno.None, _bench.Run(volume.UpdateAsync(old => old with { StartSegment = start })));
            Assert.Equal(start, OpenShard(label, 0, label.PartOffset(0)).Volume!.Superblock.StartSegment);
        }
        int newest = (int)(volume.Superblock.Sequence % 2) * 2;
        for (int place = newest; place < newest + 2; place++)
        {
            Memory.Contents(label.PartOffset(0) + ShardSuperblock.PlaceOffset(place) + 700, 1)[0] ^= 1;
        }
        Assert.Equal(4UL, OpenShard(label, 0, label.PartOffset(0)).Volume!.Superblock.StartSegment);
    }

    [Theory]
    [InlineData(1024 * 1024, 1, 0, VolumeStatus.TooSmall)]
    [InlineData(DeviceBytes, 0, 0, VolumeStatus.Invalid)]
    [InlineData(DeviceBytes, 257, 0, VolumeStatus.Invalid)]
    [InlineData(DeviceBytes, 1, 1000, VolumeStatus.Invalid)]
    [InlineData(DeviceBytes, 3, 0, VolumeStatus.TooSmall)]
    [InlineData(DeviceBytes, 2, 0, VolumeStatus.Ok)]
    public void Geometry_limits_are_explained(long deviceBytes, int shards, int segmentBytes, object status)
    {
        VolumeStatus expected = (VolumeStatus)status;
        VolumeFormatOptions options = Options() with { Shards = shards, SegmentBytes = segmentBytes };
        Assert.Equal(expected, VolumeGeometry.TryPlan(deviceBytes, options, out VolumeGeometry geometry, out string text));
        Assert.Equal(expected is VolumeStatus.Ok, text.Length == 0);
        if (expected is VolumeStatus.Ok) { Assert.True(geometry.SegmentCount >= 8 && geometry.DataBytes > 0); }
    }

    [Theory]
    [InlineData(1, 32L << 20, 2 << 20)]
    [InlineData(16, 2L << 30, 4 << 20)]
    [InlineData(1024, 4L << 30, 4 << 20)]
    public void Default_log_and_segment_sizes(int partGiB, long logBytes, int segmentBytes)
    {
        long device = partGiB == 1 ? 200L << 20 : (long)partGiB << 30;
        Assert.Equal(VolumeStatus.Ok, VolumeGeometry.TryPlan(device, Options() with { Shards = 1 }, out VolumeGeometry g, out _));
        Assert.Equal(segmentBytes, g.SegmentBytes);
        Assert.InRange((long)g.SegmentBytes * g.SegmentCount, logBytes - (4 << 20), logBytes);
    }

    public void Dispose() => _bench.Dispose();

    private static VolumeFormatOptions Options() => new()
    {
        Cluster = Cluster,
        Kind = NodeKind.Osd,
        NodeId = 5,
        Device = Device,
        Shards = 2,
    };

    private VolumeResult Format(bool force = false) => _bench.Run(DeviceVolume.FormatAsync(_bench.Reactor, Memory, Options() with { Force = force }));

    private VolumeResult Open(VolumeExpectation expected) => _bench.Run(DeviceVolume.OpenAsync(_bench.Reactor, Memory, expected));

    private ShardVolumeResult OpenShard(VolumeLabel label, int shard, long at) =>
        _bench.Run(ShardVolume.OpenAsync(_bench.Reactor, new DevicePartition(_bench.Reactor, Memory, at, label.PartBytes), label, shard));
}
