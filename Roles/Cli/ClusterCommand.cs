using System.Collections.Generic;
using System.CommandLine;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock cluster set|unset</c>: switches that keep the cluster from healing itself while somebody works on it.</summary>
internal static class ClusterCommand
{
    public static Command Create()
    {
        ManualCommand cluster = new("cluster", "Switches of the whole cluster.");
        cluster.Subcommands.Add(CreateSwitch("set", "Set a switch: noout (silent OSDs are not put out) or norebalance (nothing moves for balance only)."));
        cluster.Subcommands.Add(CreateSwitch("unset", "Take a switch back."));
        return cluster;
    }

    private static ManualCommand CreateSwitch(string name, string description)
    {
        Argument<string[]> flags = new("flags") { Description = "noout, norebalance.", HelpName = "noout|norebalance", Arity = ArgumentArity.OneOrMore };
        ManualCommand command = new(name, description, $"fastblock cluster {name} noout");
        command.Arguments.Add(flags);
        return command.Does(parsed =>
        {
            string[] names = parsed.GetRequiredValue(flags);
            ulong bits = 0;
            foreach (string flag in names) { bits |= (ulong)Parse(flag); }
            ClusterFlagsRequest request = name == "set" ? new() { Set = bits } : new() { Clear = bits };
            return ClusterSession.Run(parsed, session => SetAsync(session, request, name, names));
        });
    }

    private static async ReactorTask<ExitCode> SetAsync(ClusterSession session, ClusterFlagsRequest request, string name,
        IReadOnlyList<string> flags)
    {
        _ = await session.AskAsync(new ControlRequest { ClusterFlags = request }, $"cluster {name}");
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray(name);
            foreach (string flag in flags) { json.WriteStringValue(flag); }
            json.WriteEndArray();
            json.WriteEndObject();
        }, output => output.WriteLine($"{string.Join(" and ", flags)} {name}"));
        return ExitCode.Ok;
    }

    private static ClusterFlag Parse(string flag) => flag switch
    {
        "noout" => ClusterFlag.Noout,
        "norebalance" => ClusterFlag.Norebalance,
        _ => throw new OperatorException(ExitCode.Usage, $"'{flag}': the switches are noout and norebalance"),
    };
}
