using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock session ls</c>: who has which image open.</summary>
internal static class SessionCommand
{
    public static Command Create()
    {
        ManualCommand session = new("session", "Show who has images open.");
        session.Subcommands.Add(new ManualCommand("ls", "List the owners of images, and who reads them.", "fastblock session ls")
            .Does(parsed => ClusterSession.Run(parsed, ListAsync)));
        return session;
    }

    private static async ReactorTask<ExitCode> ListAsync(ClusterSession session)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { SessionList = new SessionListRequest() }, "sessions");
        Print(session, reply.SessionListResult.Sessions);
        return ExitCode.Ok;
    }

    internal static void Print(ClusterSession session, IReadOnlyCollection<SessionStatus> sessions)
    {
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartArray();
            foreach (SessionStatus owner in sessions)
            {
                json.WriteStartObject();
                json.WriteString("image", $"{owner.PoolName}/{owner.ImageName}");
                json.WriteNumber("generation", owner.Generation);
                json.WriteBoolean("alive", owner.Alive);
                json.WriteString("mode", ModeOf(owner));
                json.WriteString("owner", owner.Description);
                json.WriteString("instance", InstanceOf(owner));
                json.WriteNumber("acquired_ms", owner.AcquiredMs);
                json.WriteNumber("renewed_ms_ago", owner.RenewedMsAgo);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }, output =>
        {
            TextTable table = new("IMAGE", "MODE", ">GENERATION", "STATE", ">RENEWED", "SINCE", "INSTANCE", "WHO");
            foreach (SessionStatus owner in sessions)
            {
                string renewed = string.Create(CultureInfo.InvariantCulture, $"{owner.RenewedMsAgo / 1000.0:0.0} s ago");
                table.Add($"{owner.PoolName}/{owner.ImageName}", ModeOf(owner), owner.Reader ? "-" : owner.Generation.ToString(CultureInfo.InvariantCulture),
                    owner.Alive ? "alive" : "silent", renewed, owner.Reader ? "-" : ImageShowCommands.Time(owner.AcquiredMs), InstanceOf(owner), owner.Description);
            }
            table.WriteTo(output);
        });
    }

    private static string ModeOf(SessionStatus session) => session.Reader ? "read" : "write";

    private static string InstanceOf(SessionStatus session) => UuidBytes.TryRead(session.Instance, out Guid uuid) ? uuid.ToString() : "";
}
