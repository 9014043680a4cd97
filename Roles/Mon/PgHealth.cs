namespace Fastblock.Roles.Mon;

/// <summary>How a PG is doing, from the reports of its members.</summary>
internal enum PgHealth : byte
{
    /// <summary>Being made; holds no data.</summary>
    Creating,

    /// <summary>A leader that hears every member.</summary>
    Clean,

    /// <summary>A leader that does not hear some member.</summary>
    Degraded,

    /// <summary>A majority is there, but no leader was reported (an election, usually).</summary>
    Inactive,

    /// <summary>Too few members are up, or have the data, for a majority: no I/O.</summary>
    NoQuorum,
}
