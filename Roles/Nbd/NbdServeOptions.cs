using System.Collections.Generic;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Nbd;

/// <summary>What `fastblock nbd` was asked to do.</summary>
internal sealed record NbdServeOptions
{
    public required ImageSpec Image { get; init; }

    /// <summary>At least one.</summary>
    public required IReadOnlyList<StreamAddress> Listen { get; init; }

    public bool ReadOnly { get; init; }

    /// <summary>Fence a living owner.</summary>
    public bool TakeOver { get; init; }

    /// <summary>Name of the export.</summary>
    public required string ExportName { get; init; }

    /// <summary>HTTP endpoint, or empty.</summary>
    public string MetricsAddress { get; init; } = "";
}
