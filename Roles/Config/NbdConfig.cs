using System.Collections.Generic;

namespace Fastblock.Roles.Config;

/// <summary>Section [nbd]: the NBD server.</summary>
internal sealed record NbdConfig
{
    /// <summary>TCP addresses and paths of unix sockets (they contain a slash) to listen on.</summary>
    public IReadOnlyList<string> Listen { get; init; } = ["127.0.0.1:10809"];

    /// <summary>HTTP endpoint for /metrics and /health; empty = none.</summary>
    public string MetricsAddress { get; init; } = "";
}
