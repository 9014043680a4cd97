using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock mon ls</c>, <c>mon stat</c> and <c>mon rm</c>; they hang under the monitor role's command.</summary>
internal static class MonAdminCommands
{
    /// <summary>Hangs them under the role's own command.</summary>
    public static Command AddTo(Command mon)
    {
        foreach (Command command in Create()) { mon.Subcommands.Add(command); }
        return mon;
    }

    private static IEnumerable<Command> Create()
    {
        yield return new ManualCommand("ls", "List the monitors.", "fastblock mon ls", "fastblock mon ls --json")
            .Does(parsed => ClusterSession.Run(parsed, ListAsync));
        yield return new ManualCommand("stat", "Show on one line which monitors take part and which one leads.", "fastblock mon stat")
            .Does(parsed => ClusterSession.Run(parsed, StatAsync));
        Argument<uint> id = new("ID") { Description = "Of the monitor, as in 'fastblock mon ls'." };
        Option<bool> force = new("--force")
        {
            Description = "Although what remains has no majority now: it is noted, and done when there is one again.",
        };
        ManualCommand remove = new("rm", "Take a monitor out of the cluster; its process ends by itself.",
            "fastblock mon rm 1", "fastblock mon add --device ./mon3 --address 10.0.0.4:7300   # first the new one, then rm the old one");
        remove.Arguments.Add(id);
        remove.Options.Add(force);
        yield return remove.Does(parsed => ClusterSession.Run(parsed,
            session => RemoveAsync(session, parsed.GetRequiredValue(id), parsed.GetValue(force))));
    }

    internal static string StateOf(MonStatus mon) => mon.State switch
    {
        MonRecordState.MonMember => "member",
        MonRecordState.MonJoining => "joining",
        _ => "leaving",
    };

    private static async ReactorTask<StatusResult> StatusAsync(ClusterSession session, string doing) =>
        (await session.AskAsync(new ControlRequest { Status = new StatusRequest() }, doing)).StatusResult;

    private static async ReactorTask<ExitCode> ListAsync(ClusterSession session)
    {
        StatusResult status = await StatusAsync(session, "mon ls");
        CommandOutput.Print(session.Json, json => WriteJson(json, status), output =>
        {
            TextTable table = new("MON", "STATE", "QUORUM", "ROLE", "ADDRESS");
            foreach (MonStatus mon in status.Mons)
            {
                table.Add($"mon.{mon.Id}", StateOf(mon), mon.InQuorum ? "in" : "out", mon.Leader ? "leader" : "-", mon.Address);
            }
            table.WriteTo(output);
        });
        return ExitCode.Ok;
    }

    private static async ReactorTask<ExitCode> StatAsync(ClusterSession session)
    {
        StatusResult status = await StatusAsync(session, "mon stat");
        CommandOutput.Print(session.Json, json => WriteJson(json, status), output => output.WriteLine(Line(status)));
        return ExitCode.Ok;
    }

    internal static string Line(StatusResult status)
    {
        IEnumerable<string> all = status.Mons.Select(mon => $"{mon.Id}={mon.Address}{(mon.State is MonRecordState.MonMember ? "" : $" ({StateOf(mon)})")}");
        IEnumerable<uint> quorum = status.Mons.Where(mon => mon.InQuorum).Select(mon => mon.Id);
        MonStatus? leader = status.Mons.FirstOrDefault(mon => mon.Leader);
        return $"e{status.Epoch}: {status.Mons.Count(mon => mon.State is MonRecordState.MonMember)} mons at {string.Join(", ", all)}; "
            + $"quorum {string.Join(",", quorum)}{(leader is null ? "" : $", leader {leader.Id}")}";
    }

    internal static void WriteJson(Utf8JsonWriter json, StatusResult status)
    {
        json.WriteStartArray();
        foreach (MonStatus mon in status.Mons)
        {
            json.WriteStartObject();
            json.WriteNumber("id", mon.Id);
            json.WriteString("address", mon.Address);
            json.WriteString("state", StateOf(mon));
            json.WriteBoolean("leader", mon.Leader);
            json.WriteBoolean("in_quorum", mon.InQuorum);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static async ReactorTask<ExitCode> RemoveAsync(ClusterSession session, uint id, bool force)
    {
        _ = await session.AskAsync(new ControlRequest { MonRemove = new MonRemoveRequest { Id = id, Force = force } }, "mon rm");
        // Only when the monitors' own group has left it may the machine be switched off without a second thought.
        while (await IsListedAsync(session, id))
        {
            if (session.LeftNanos < Units.NanosPerSecond)
            {
                throw new OperatorException(ExitCode.Timeout, $"mon rm: noted, but mon.{id} has not left yet: 'fastblock mon ls' shows when it has");
            }
            await session.Reactor.Delay(100 * Units.NanosPerMilli);
        }
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("removed", id);
            json.WriteEndObject();
        }, output => output.WriteLine($"mon.{id} is no monitor any more"));
        return ExitCode.Ok;
    }

    private static async ReactorTask<bool> IsListedAsync(ClusterSession session, uint id) =>
        (await StatusAsync(session, "mon rm")).Mons.Any(mon => mon.Id == id);
}
