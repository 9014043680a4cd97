using System.CommandLine;
using System.Globalization;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock session ls</c>: who has which image open for writing.</summary>
internal static class SessionCommand
{
    public static Command Create()
    {
        ManualCommand session = new("session", "Show who has images open for writing.");
        session.Subcommands.Add(new ManualCommand("ls", "List the owners of images.", "fastblock session ls")
            .Does(parsed => ClusterSession.Run(parsed, ListAsync)));
        return session;
    }

    private static async ReactorTask<ExitCode> ListAsync(ClusterSession session)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { SessionList = new SessionListRequest() }, "sessions");
        SessionListResult list = reply.SessionListResult;
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartArray();
            foreach (SessionStatus owner in list.Sessions)
            {
                json.WriteStartObject();
                json.WriteString("image", $"{owner.PoolName}/{owner.ImageName}");
                json.WriteNumber("generation", owner.Generation);
                json.WriteBoolean("alive", owner.Alive);
                json.WriteString("owner", owner.Description);
                json.WriteNumber("acquired_ms", owner.AcquiredMs);
                json.WriteNumber("renewed_ms_ago", owner.RenewedMsAgo);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }, output =>
        {
            TextTable table = new("IMAGE", ">GENERATION", "STATE", ">RENEWED", "SINCE", "OWNER");
            foreach (SessionStatus owner in list.Sessions)
            {
                string renewed = string.Create(CultureInfo.InvariantCulture, $"{owner.RenewedMsAgo / 1000.0:0.0} s ago");
                table.Add($"{owner.PoolName}/{owner.ImageName}", owner.Generation.ToString(CultureInfo.InvariantCulture),
                    owner.Alive ? "alive" : "silent", renewed, ImageShowCommands.Time(owner.AcquiredMs), owner.Description);
            }
            table.WriteTo(output);
        });
        return ExitCode.Ok;
    }
}
