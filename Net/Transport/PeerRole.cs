namespace Fastblock.Net.Transport;

/// <summary>What kind of node speaks. Values are on the wire.</summary>
internal enum PeerRole : byte
{
    None = 0,
    Client = 1,
    Osd = 2,
    Mon = 3,
}
