using System.Reflection;

namespace Fastblock.Roles.Config;

/// <summary>What this build calls itself.</summary>
internal static class ThisAssembly
{
    /// <summary>The version of fastblock.csproj, as in "0.1.0".</summary>
    public static string Version =>
        typeof(ThisAssembly).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
