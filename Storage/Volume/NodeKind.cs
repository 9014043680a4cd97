namespace Fastblock.Storage.Volume;

/// <summary>What kind of node a device belongs to.</summary>
internal enum NodeKind : byte
{
    None = 0,
    Osd = 1,
    Mon = 2,
}
