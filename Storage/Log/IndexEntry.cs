using System.Runtime.InteropServices;

namespace Fastblock.Storage.Log;

/// <summary>Where one entry is: 40 bytes, no references, kept in arrays.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IndexEntry
{
    public ulong Term;

    /// <summary>Place of header and checksums in the <see cref="EntryCache"/>; 0 = never cached.</summary>
    public ulong HeaderTicket;

    /// <summary>Place of the payload buffer in the <see cref="EntryCache"/>; 0 = never cached.</summary>
    public ulong PayloadTicket;

    /// <summary>Block of the log region where the entry's batch begins.</summary>
    public uint BatchBlock;

    /// <summary>Block of the log region where the payload begins.</summary>
    public uint PayloadBlock;

    /// <summary>Offset of the record within the batch, in units of 8 bytes.</summary>
    public ushort RecordUnits;

    public ushort HeaderBytes;
    public ushort PayloadBlocks;
    public byte Kind;

    /// <summary>Header blocks of the batch; the highest bit marks a payload known to be damaged.</summary>
    public byte HeaderBlocksAndDamage;

    public const byte DamageBit = 0x80;

    public readonly int HeaderBlocks => HeaderBlocksAndDamage & ~DamageBit;
    public readonly bool IsDamaged => (HeaderBlocksAndDamage & DamageBit) != 0;
}
