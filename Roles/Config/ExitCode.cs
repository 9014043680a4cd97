namespace Fastblock.Roles.Config;

/// <summary>What the process returns to the shell, the same for every command. Part of the user's contract:
/// scripts depend on the numbers.</summary>
internal enum ExitCode
{
    Ok = 0,
    /// <summary>The command ran and did not succeed.</summary>
    Failed = 1,
    /// <summary>The command line or the configuration file is wrong; nothing was done.</summary>
    Usage = 2,
    NotFound = 3,
    Exists = 4,
    /// <summary>It exists and can be reached, but not in the state it is in now.</summary>
    WrongState = 5,
    Timeout = 6,
    NoConnection = 7,
    Permission = 8,
}
