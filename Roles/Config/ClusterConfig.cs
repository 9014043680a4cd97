using System.Collections.Generic;

namespace Fastblock.Roles.Config;

/// <summary>Section [cluster]: what every role must know to find the others.</summary>
internal sealed record ClusterConfig
{
    /// <summary>Addresses of the monitors, host:port. The default is where vstart puts the first one if it can.</summary>
    public IReadOnlyList<string> Mons { get; init; } = ["127.0.0.1:7300"];
}
