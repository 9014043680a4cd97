namespace Fastblock.Storage.Objects;

/// <summary>Where a block's contents are. As long as two looks give the same place, nothing has changed the block in between: a
/// write gives it another place in the log, a discard makes it a hole, and a move home changes the home's version.</summary>
/// <param name="Source">Which of the three.</param>
/// <param name="Address">Device offset; 0 for a hole.</param>
/// <param name="HomeVersion">At home: the version that the object's record has.</param>
/// <param name="Crc">In the log: the checksum that the entry gave.</param>
internal readonly record struct BlockPlace(ObjectRead.Source Source, long Address, ulong HomeVersion, uint Crc);
