using Fastblock.Native.Base;
using Fastblock.Roles.Client;

namespace Fastblock.Roles.Nbd;

/// <summary>Bounds of what a client may ask for or keep busy.</summary>
internal static class NbdLimits
{
    /// <summary>Largest read or write; told to clients, and what the protocol recommends everybody to accept.</summary>
    public const uint MaxRequestBytes = ImageIo.MaxDataBytes;

    /// <summary>Big reads and writes are worked off in pieces of this size, cut at its multiples: one PG request each.</summary>
    public const int PieceBytes = (int)(512 * Units.KiB);

    /// <summary>A read up to this size is answered in one go; a bigger one piece by piece where the client allows it.</summary>
    public const int WholeReadBytes = (int)Units.MiB;

    /// <summary>Pieces of one big read under way.</summary>
    public const int ReadWindow = 4;

    /// <summary>Requests of one connection under way; further ones stay in the socket.</summary>
    public const int MaxRequests = 256;

    /// <summary>Bytes waiting to be sent on one connection above which no further request is read from it.</summary>
    public const int MaxQueuedBytes = (int)(4 * Units.MiB);

    /// <summary>Bytes that one connection may have in buffers before its next request has to wait: two or three clients that do
    /// not take their answers leave room for the others.</summary>
    public const int MaxConnectionBytes = (int)(12 * Units.MiB);

    /// <summary>What all connections together may have in buffers; at least the largest request.</summary>
    public const long BudgetBytes = 48 * Units.MiB;

    /// <summary>Connections of one server; more are closed at once.</summary>
    public const int MaxConnections = 256;

    /// <summary>Bytes of the buffer of zeros that holes are sent from.</summary>
    public const int ZeroBytes = (int)(64 * Units.KiB);

    /// <summary>Largest data of an option: an export name is at most 4096 bytes, so is a context name.</summary>
    public const int MaxOptionBytes = (int)(32 * Units.KiB);

    /// <summary>An option longer than this is not even skipped.</summary>
    public const int MaxSkippedOptionBytes = (int)Units.MiB;

    /// <summary>Options of one handshake: a client needs fewer than ten.</summary>
    public const int MaxOptions = 256;

    /// <summary>Longest string in the protocol.</summary>
    public const int MaxNameBytes = 4096;

    /// <summary>Range of one block status answer: the client asks again for the rest.</summary>
    public const long MaxStatusBytes = 64 * Units.MiB;

    /// <summary>Extents in one block status answer.</summary>
    public const int MaxExtents = 4096;

    /// <summary>A client has to finish its handshake in this time.</summary>
    public const long HandshakeNanos = 30 * Units.NanosPerSecond;

    /// <summary>How long a client may take to read its last answers and go.</summary>
    public const long FarewellNanos = 5 * Units.NanosPerSecond;

    /// <summary>The same when the server stops. Nobody needs the server's patience then but a client with answers on their way.</summary>
    public const long StopFarewellNanos = 2 * Units.NanosPerSecond;

    /// <summary>The same for a client that has been sent everything: it may not look at its socket for hours.</summary>
    public const long StopIdleNanos = 200 * Units.NanosPerMilli;

    /// <summary>Pause before a buffer is asked for again after the pool had none.</summary>
    public const long BufferRetryNanos = Units.NanosPerMilli;
}
