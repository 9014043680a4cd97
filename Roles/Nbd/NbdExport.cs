using System;
using Fastblock.Roles.Client;

namespace Fastblock.Roles.Nbd;

/// <summary>What is served: one image under one name. The empty name means it too, as clients expect of a server with one
/// export.</summary>
internal sealed class NbdExport(string name, IImage image, bool readOnly)
{
    public string Name { get; } = name;
    public IImage Image { get; } = image;
    public bool IsReadOnly { get; } = readOnly || image.IsReadOnly;

    public bool Matches(string asked) => asked.Length == 0 || string.Equals(asked, Name, StringComparison.Ordinal);

    /// <param name="structured">The client takes structured replies, so it may ask for unfragmented ones.</param>
    public ushort TransmissionFlags(bool structured)
    {
        int flags = NbdWire.FLAG_HAS_FLAGS | NbdWire.FLAG_SEND_FLUSH | NbdWire.FLAG_SEND_FUA | NbdWire.FLAG_SEND_CACHE
            | NbdWire.FLAG_CAN_MULTI_CONN;
        flags |= IsReadOnly ? NbdWire.FLAG_READ_ONLY : NbdWire.FLAG_SEND_TRIM | NbdWire.FLAG_SEND_WRITE_ZEROES;
        if (structured) { flags |= NbdWire.FLAG_SEND_DF; }
        return (ushort)flags;
    }
}
