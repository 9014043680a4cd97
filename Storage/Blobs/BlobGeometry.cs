using Fastblock.Native.Base;

namespace Fastblock.Storage.Blobs;

/// <summary>How a shard's data region is cut: allocation units (AUs), numbered from 0, each of <see cref="PagesPerAu"/> pages of
/// 4096 bytes. A page number is unit number x pages per unit + place in it, so every block of the region has one.</summary>
internal readonly struct BlobGeometry
{
    /// <summary>"No unit" and "no page".</summary>
    public const uint None = uint.MaxValue;

    /// <summary>Largest unit: the pages of one are kept as the bits of a word.</summary>
    public const int MaxAuBytes = 64 * Units.BlockBytes;

    /// <param name="offsetBytes">Where the region begins on the device.</param>
    /// <param name="sizeBytes">Its size; what does not fill a whole unit is not used.</param>
    /// <param name="auBytes">Size of a unit: a power of two, 4 KiB to 256 KiB.</param>
    public BlobGeometry(long offsetBytes, long sizeBytes, int auBytes)
    {
        Invariant.Require(offsetBytes >= 0 && offsetBytes % Units.BlockBytes == 0);
        Invariant.Require(auBytes is >= Units.BlockBytes and <= MaxAuBytes && (auBytes & (auBytes - 1)) == 0);
        OffsetBytes = offsetBytes;
        AuBytes = auBytes;
        PagesPerAu = auBytes / Units.BlockBytes;
        long units = sizeBytes / auBytes;
        Invariant.Require(units * PagesPerAu < None - 16); // 16 TiB per shard; a larger part is refused when it is made
        AuCount = (uint)units;
    }

    public long OffsetBytes { get; }
    public int AuBytes { get; }
    public int PagesPerAu { get; }
    public uint AuCount { get; }
    public long SizeBytes => (long)AuCount * AuBytes;

    /// <summary>Device offset of a unit.</summary>
    public long AddressOfAu(uint au) => OffsetBytes + ((long)au * AuBytes);

    /// <summary>Device offset of a page.</summary>
    public long AddressOfPage(uint page) => OffsetBytes + ((long)page * Units.BlockBytes);

    public uint AuOfPage(uint page) => page / (uint)PagesPerAu;
}
