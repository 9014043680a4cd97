namespace Fastblock.Tests.Sim.World;

/// <summary>What a trace line is about; the meaning of its three numbers is given in brackets.</summary>
internal enum TraceKind : byte
{
    /// <summary>Free text.</summary>
    Note,

    /// <summary>A frame was handed to its receiver (type, body bytes, payload bytes).</summary>
    Frame,

    /// <summary>A frame vanished, was doubled or overtook others (type, body bytes, 0 lost, 1 doubled, 2 late).</summary>
    FrameFault,

    /// <summary>A connection came up (remote node, remote shard, connection).</summary>
    Up,

    /// <summary>A connection ended (reason, connection, 0).</summary>
    Closed,

    /// <summary>A device request was served (kind, offset, bytes).</summary>
    Disk,

    /// <summary>A device request failed (kind, offset, status).</summary>
    DiskFault,

    /// <summary>A process started (shards, incarnation, 0).</summary>
    Start,

    /// <summary>A process ended (0 killed, 1 power cut, 2 stopped in order; incarnation; 0).</summary>
    End,

    /// <summary>A process stood still (nanoseconds, 0, 0).</summary>
    Pause,

    /// <summary>A client operation began (kind and client, first sector, sectors).</summary>
    Invoke,

    /// <summary>A client operation ended (kind and client, first sector, status).</summary>
    Return,

    /// <summary>A link changed (from node, to node, 1 cut or 0 healed).</summary>
    Link,
}
