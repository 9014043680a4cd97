namespace Fastblock.Roles.Nbd;

/// <summary>Where a handshake is after it was given bytes.</summary>
internal enum HandshakeStep : byte
{
    /// <summary>Goes on when more bytes come.</summary>
    More,

    /// <summary>Over: commands follow.</summary>
    Transmission,

    /// <summary>The client wants to go: send what there is to send and close.</summary>
    Bye,

    /// <summary>Not the protocol, or an export that there is no polite way to refuse: close.</summary>
    Refuse,
}
