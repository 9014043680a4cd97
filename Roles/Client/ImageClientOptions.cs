using System;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Client;

/// <summary>Limits and times of an <see cref="ImageClient"/>; the simulator sets them tiny.</summary>
internal sealed record ImageClientOptions
{
    /// <summary>Uuid of this client process, for hellos and ownership.</summary>
    public Guid Instance { get; init; }

    /// <summary>Requests to OSDs that may exist at once; I/O beyond waits in the client. 16 MiB of 4 KiB I/O.</summary>
    public int MaxRequests { get; init; } = 4096;

    /// <summary>Requests that one I/O may have under way: a discard of a whole image must not fill the table.</summary>
    public int MaxRequestsPerIo { get; init; } = 64;

    /// <summary>No sign of life from an OSD for so long, and no answer: send again, to the next replica. An OSD that only takes its
    /// time is waited for, or what is too much for it would become even more. Doubles while it goes on. No longer than it takes the
    /// replicas to miss their leader: they have a new one when we ask.</summary>
    public long RequestTimeoutNanos { get; init; } = 500 * Units.NanosPerMilli;

    /// <summary>Most that the above grows to.</summary>
    public long RequestTimeoutMaxNanos { get; init; } = 8 * Units.NanosPerSecond;

    /// <summary>No answer for so long from an OSD that lives: it may have lost track of the request, so that it is sent again.
    /// Far above what an overloaded OSD takes; doubles up to the second, until answers come in good time again.</summary>
    public long RequestLostNanos { get; init; } = 10 * Units.NanosPerSecond;

    /// <inheritdoc cref="RequestLostNanos"/>
    public long RequestLostMaxNanos { get; init; } = 80 * Units.NanosPerSecond;

    /// <summary>How long a connection may take to come up before the PGs that wait for it try their next replica.</summary>
    public long ConnectWaitNanos { get; init; } = 250 * Units.NanosPerMilli;

    /// <summary>Pause after every replica of a PG has said no, and what it grows to: half an election must not pass in it.</summary>
    public long BackOffMinNanos { get; init; } = Units.NanosPerMilli;

    /// <inheritdoc cref="BackOffMinNanos"/>
    public long BackOffMaxNanos { get; init; } = 50 * Units.NanosPerMilli;

    /// <summary>Pause between attempts to connect to one OSD, doubling from the first to the second.</summary>
    public long ReconnectMinNanos { get; init; } = 5 * Units.NanosPerMilli;

    /// <inheritdoc cref="ReconnectMinNanos"/>
    public long ReconnectMaxNanos { get; init; } = 500 * Units.NanosPerMilli;

    /// <summary>How long closing waits for the PGs and the monitors; what it cannot tell them they find out by the next owner.</summary>
    public long CloseTimeoutNanos { get; init; } = 2 * Units.NanosPerSecond;

    /// <summary>How long a reader's closing waits for the monitors.</summary>
    public long ReaderCloseNanos { get; init; } = 200 * Units.NanosPerMilli;
}
