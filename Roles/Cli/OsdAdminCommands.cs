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

/// <summary><c>fastblock osd in|out|reweight|rm</c>: what the operator does with OSDs; they hang under the osd role's command.</summary>
internal static class OsdAdminCommands
{
    public static IEnumerable<Command> Create()
    {
        yield return CreateMark("in", "Let OSDs hold data again.", isIn: true);
        yield return CreateMark("out", "Move all data away from OSDs, running or not.", isIn: false);
        yield return CreateReweight();
        yield return CreateRemove();
    }

    private static Argument<string> IdArgument() => new("osd") { Description = "Number of the OSD: 3 or osd.3.", HelpName = "ID" };

    private static ManualCommand CreateMark(string name, string description, bool isIn)
    {
        Argument<string[]> ids = new("osds") { Description = "Numbers of OSDs: 3 or osd.3.", HelpName = "ID", Arity = ArgumentArity.OneOrMore };
        ManualCommand mark = new(name, description, $"fastblock osd {name} 3", $"fastblock osd {name} 3 4 5");
        mark.Arguments.Add(ids);
        return mark.Does(parsed =>
        {
            OsdMarkRequest request = new() { In = isIn };
            foreach (string id in parsed.GetRequiredValue(ids)) { request.Ids.Add(ParseId(id)); }
            return ClusterSession.Run(parsed, async session =>
            {
                _ = await session.AskAsync(new ControlRequest { OsdMark = request }, $"osd {name}");
                CommandOutput.Print(session.Json, json =>
                {
                    json.WriteStartObject();
                    json.WriteStartArray(name);
                    foreach (uint id in request.Ids) { json.WriteNumberValue(id); }
                    json.WriteEndArray();
                    json.WriteEndObject();
                }, output =>
                {
                    foreach (uint id in request.Ids) { output.WriteLine($"osd.{id} is {name}"); }
                });
                return ExitCode.Ok;
            });
        });
    }

    private static ManualCommand CreateReweight()
    {
        Argument<string> id = IdArgument();
        Argument<ulong> weight = new("weight") { Description = "Share of the data, relative to the others; by default the size in MiB. 0 = none: it is emptied." };
        ManualCommand reweight = new("reweight", "Change how much of the data an OSD gets.", "fastblock osd reweight 3 500000", "fastblock osd reweight 3 0");
        reweight.Arguments.Add(id);
        reweight.Arguments.Add(weight);
        return reweight.Does(parsed =>
        {
            OsdReweightRequest request = new() { Id = ParseId(parsed.GetRequiredValue(id)), Weight = parsed.GetRequiredValue(weight) };
            if (request.Weight > ClusterLimits.MaxWeight)
            {
                throw new OperatorException(ExitCode.Usage, $"weight {request.Weight}: at most {ClusterLimits.MaxWeight}");
            }
            return ClusterSession.Run(parsed, async session =>
            {
                _ = await session.AskAsync(new ControlRequest { OsdReweight = request }, "osd reweight");
                CommandOutput.Print(session.Json, json =>
                {
                    json.WriteStartObject();
                    json.WriteNumber("osd", request.Id);
                    json.WriteNumber("weight", request.Weight);
                    json.WriteEndObject();
                }, output => output.WriteLine($"osd.{request.Id} weighs {request.Weight}"));
                return ExitCode.Ok;
            });
        });
    }

    private static ManualCommand CreateRemove()
    {
        Argument<string> id = IdArgument();
        Option<bool> force = new("--force") { Description = "Although PGs still have replicas there, as long as they keep a majority elsewhere." };
        Option<bool> loss = new("--allow-data-loss") { Description = "With --force: even if it has the last replica of something; what is lost is listed." };
        ManualCommand remove = new("rm", "Remove an OSD that is down from the cluster, for ever.", "fastblock osd rm 3",
            "fastblock osd rm 3 --force --allow-data-loss");
        remove.Arguments.Add(id);
        remove.Options.Add(force);
        remove.Options.Add(loss);
        return remove.Does(parsed =>
        {
            OsdRemoveRequest request = new()
            {
                Id = ParseId(parsed.GetRequiredValue(id)),
                Force = parsed.GetValue(force),
                AllowDataLoss = parsed.GetValue(loss),
            };
            if (request.AllowDataLoss && !request.Force)
            {
                throw new OperatorException(ExitCode.Usage, "--allow-data-loss goes with --force");
            }
            return ClusterSession.Run(parsed, session => RemoveAsync(session, request));
        });
    }

    private static async ReactorTask<ExitCode> RemoveAsync(ClusterSession session, OsdRemoveRequest request)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { OsdRemove = request }, $"osd.{request.Id} was not removed");
        IReadOnlyList<string> lost = reply.OsdRemoveResult?.Lost ?? (IReadOnlyList<string>)[];
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("removed", request.Id);
            json.WriteStartArray("lost");
            foreach (string text in lost) { json.WriteStringValue(text); }
            json.WriteEndArray();
            json.WriteEndObject();
        }, output =>
        {
            output.WriteLine($"osd.{request.Id} removed");
            foreach (string text in lost) { output.WriteLine($"  lost: {text}"); }
        });
        return ExitCode.Ok;
    }

    private static uint ParseId(string text)
    {
        ReadOnlySpan<char> digits = text.StartsWith("osd.", StringComparison.Ordinal) ? text.AsSpan(4) : text;
        return uint.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id < ClusterLimits.MaxOsds
            ? id : throw new OperatorException(ExitCode.Usage, $"'{text}' is not an OSD: write 3 or osd.3");
    }
}
