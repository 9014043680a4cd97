namespace Fastblock.Roles.Nbd;

/// <summary>What an <see cref="NbdConnection"/> expects from its client next.</summary>
internal enum NbdPhase : byte
{
    Handshake,
    Command,

    /// <summary>The rest of a write's data.</summary>
    Data,

    /// <summary>The data of a write that was refused: to be thrown away.</summary>
    Skip,

    /// <summary>Nothing any more: what is under way ends, then the stream does.</summary>
    Ending,
}
