namespace Fastblock.Roles.Mon;

/// <summary>How a PG is doing, from the reports of its members.</summary>
internal enum PgHealth : byte
{
    /// <summary>Being made; holds no data.</summary>
    Creating,

    /// <summary>A leader that hears every member, and the members are those that it should have.</summary>
    Clean,

    /// <summary>Has all its replicas, but not where they should be; its turn to move has not come.</summary>
    Misplaced,

    /// <summary>Its members are being changed; all that it has at present are there.</summary>
    Recovering,

    /// <summary>A leader that does not hear some member, or has fewer than it should.</summary>
    Degraded,

    /// <summary>A majority is there, but no leader was reported (an election, usually).</summary>
    Inactive,

    /// <summary>Too few members are up, or have the data, for a majority: no I/O.</summary>
    NoQuorum,
}
