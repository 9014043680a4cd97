namespace Fastblock.Roles.Config;

/// <summary>The effective configuration of a process: one record per section of fastblock.toml, every value with its
/// default. Immutable; the command line overrides by <c>with</c>.</summary>
internal sealed record FastblockConfig
{
    public ClusterConfig Cluster { get; init; } = new();

    /// <summary>Reads and checks a file; all mistakes are reported at once as one usage error.</summary>
    public static FastblockConfig Load(string path) => ConfigReader.Load(path);
}
