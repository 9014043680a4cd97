using System.CommandLine;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock log level</c>: changes a running server's log level, and how its reactors wait.</summary>
internal static class LogCommand
{
    public static Command Create()
    {
        ManualCommand log = new("log", "Change what running servers log.");
        Argument<string> target = new("server") { Description = "osd.N, mon.N, or the address of one.", HelpName = "SERVER" };
        Argument<string> level = new("level") { Description = "debug, info, warn or error." };
        Option<string?> poll = new("--poll") { Description = "Also change how the server's reactors wait.", HelpName = "adaptive|busy|sleep" };
        ManualCommand set = new("level", "Set the log level of a running server, until it is restarted.",
            "fastblock log level osd.0 debug", "fastblock log level mon.0 info", "fastblock log level osd.2 info --poll busy");
        set.Arguments.Add(target);
        set.Arguments.Add(level);
        set.Options.Add(poll);
        log.Subcommands.Add(set.Does(parsed =>
        {
            string text = parsed.GetRequiredValue(level);
            if (!ConfigKey.TryChoice(text, out LogLevel _))
            {
                throw new OperatorException(ExitCode.Usage, $"log level '{text}': must be one of {ConfigKey.Choices<LogLevel>()}");
            }
            string? wait = parsed.GetValue(poll);
            if (wait is not null && !ConfigKey.TryChoice(wait, out WaitStrategy _))
            {
                throw new OperatorException(ExitCode.Usage, $"--poll '{wait}': must be one of {ConfigKey.Choices<WaitStrategy>()}");
            }
            string server = parsed.GetRequiredValue(target);
            return ClusterSession.Run(parsed, session => SetAsync(session, server, new LogLevelRequest { Level = text, Poll = wait ?? "" }));
        }));
        return log;
    }

    private static async ReactorTask<ExitCode> SetAsync(ClusterSession session, string server, LogLevelRequest request)
    {
        NetAddress address = Find(await session.MapAsync(), server);
        ControlReply reply = await OsdCall.AskAsync(session, address, new ControlRequest { LogLevel = request });
        ClusterSession.Require(reply, $"the log level of {server} was not changed");
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString("server", server);
            json.WriteString("level", request.Level);
            if (request.Poll.Length > 0) { json.WriteString("poll", request.Poll); }
            json.WriteEndObject();
        }, output => output.WriteLine($"{server} now logs {request.Level} and above{(request.Poll.Length > 0 ? $" and waits {request.Poll}" : "")}"));
        return ExitCode.Ok;
    }

    private static NetAddress Find(ClusterMap map, string server)
    {
        string[] parts = server.Split('.', 2);
        if (parts.Length == 2 && uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
        {
            if (parts[0] == "osd")
            {
                if (!map.TryGetOsd(new OsdId(id), out OsdInfo? osd)) { throw new OperatorException(ExitCode.NotFound, $"there is no {server}"); }
                return osd.PublicAddress ?? throw new OperatorException(ExitCode.WrongState, $"{server} has never been up");
            }
            if (parts[0] == "mon")
            {
                foreach (MonInfo mon in map.Cluster?.Mons ?? [])
                {
                    if (mon.Id.Value == id) { return mon.Address; }
                }
                throw new OperatorException(ExitCode.NotFound, $"there is no {server}");
            }
        }
        return NetAddress.TryParse(server, 0, out NetAddress? address) ? address
            : throw new OperatorException(ExitCode.Usage, $"server '{server}': write osd.N, mon.N or the address of one, as 127.0.0.1:7300");
    }
}
