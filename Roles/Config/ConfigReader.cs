using System.IO;

namespace Fastblock.Roles.Config;

internal static class ConfigReader
{
    public static FastblockConfig Load(string path)
    {
        _ = File.ReadAllText(path);
        return new FastblockConfig();
    }
}
