namespace Fastblock.Storage.Objects;

/// <summary>What is wrong with a stored object.</summary>
internal enum ObjectDamage : byte
{
    /// <summary>The record cannot be decoded.</summary>
    BadRecord,

    /// <summary>It names space that another object has, or that does not exist.</summary>
    DoubleReference,

    /// <summary>The checksum page does not match the sum in the record, or cannot be read.</summary>
    BadCrcPage,

    /// <summary>A block does not match its checksum.</summary>
    BadBlock,

    /// <summary>Space is marked as used that nobody names.</summary>
    Leak,

    /// <summary>A block could not be read from the device.</summary>
    Unreadable,
}
