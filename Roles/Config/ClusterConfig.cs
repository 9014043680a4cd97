using System.Collections.Generic;

namespace Fastblock.Roles.Config;

/// <summary>Section [cluster]: what every role must know to find the others.</summary>
internal sealed record ClusterConfig
{
    /// <summary>Addresses of the monitors, host:port.</summary>
    public IReadOnlyList<string> Mons { get; init; } = [];
}
