using Fastblock.Native.Base;

namespace Fastblock.Roles.Config;

/// <summary>Section [log].</summary>
internal sealed record LogConfig
{
    public LogLevel Level { get; init; } = LogLevel.Info;
}
