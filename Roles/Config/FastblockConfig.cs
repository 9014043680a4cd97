namespace Fastblock.Roles.Config;

/// <summary>The effective configuration of a process: one record per section of fastblock.toml, every value with its
/// default. Immutable; the command line overrides by <c>with</c>. To add a setting: a property in the section's record, a
/// row in <see cref="ConfigSchema"/>, a line each in fastblock.toml and docs/operations.md (a test compares them).</summary>
internal sealed record FastblockConfig
{
    public ClusterConfig Cluster { get; init; } = new();
    public LogConfig Log { get; init; } = new();
    public MonConfig Mon { get; init; } = new();
    public OsdConfig Osd { get; init; } = new();
    public NbdConfig Nbd { get; init; } = new();
}
