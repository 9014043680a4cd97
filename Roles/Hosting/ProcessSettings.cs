using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Hosting;

/// <summary>What can be changed in a running server: how much it logs, and how its reactors wait.</summary>
internal static class ProcessSettings
{
    /// <summary>Applies all of a request, or nothing and says why.</summary>
    public static ControlReply Apply(LogLevelRequest request, Log log, ServerProcess process)
    {
        LogLevel level = log.Level;
        if (request.Level.Length > 0 && !ConfigKey.TryChoice(request.Level, out level))
        {
            return Refused($"log level '{request.Level}': must be debug, info, warn or error");
        }
        WaitStrategy? poll = null;
        if (request.Poll.Length > 0)
        {
            if (!ConfigKey.TryChoice(request.Poll, out WaitStrategy named))
            {
                return Refused($"poll '{request.Poll}': must be adaptive, busy or sleep");
            }
            poll = named;
        }
        log.Level = level;
        if (poll is { } strategy) { process.SetPoll(strategy); }
        return new ControlReply();
    }

    private static ControlReply Refused(string text) => new() { Status = ControlStatus.StatusInvalid, Text = text };
}
