using System;
using System.Collections.Generic;
using System.CommandLine;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock image watchers|fence</c>: who has an image open, and how to take it away from its owner.</summary>
internal static class ImageOwnerCommands
{
    public static IEnumerable<Command> Create()
    {
        Argument<string> watched = ImageCommand.SpecArgument();
        ManualCommand watchers = new("watchers", "Show who has an image open: its owner, and those who read it.", "fastblock image watchers vol/demo");
        watchers.Arguments.Add(watched);
        yield return watchers.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(watched));
            return ClusterSession.Run(parsed, session => WatchersAsync(session, image));
        });

        Argument<string> fenced = ImageCommand.SpecArgument();
        Option<Guid?> instance = new("--instance") { Description = "Only if this one owns it, as 'image watchers' shows it.", HelpName = "UUID" };
        ManualCommand fence = new("fence", "Take an image away from its owner: when this ends, nothing that it sends is carried out any more.",
            "fastblock image fence vol/demo", "fastblock image fence vol/demo --instance 6fa459ea-ee8a-4ca4-894e-db77e160355e");
        fence.Arguments.Add(fenced);
        fence.Options.Add(instance);
        yield return fence.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(fenced));
            return ClusterSession.Run(parsed, session => FenceAsync(session, image, parsed.GetValue(instance) ?? Guid.Empty));
        });
    }

    private static async ReactorTask<ExitCode> WatchersAsync(ClusterSession session, ImageSpec spec)
    {
        SessionCommand.Print(session, await SessionsOfAsync(session, spec));
        return ExitCode.Ok;
    }

    private static async ReactorTask<List<SessionStatus>> SessionsOfAsync(ClusterSession session, ImageSpec spec)
    {
        (_, ImageInfo image) = ImageShowCommands.Find(await session.MapAsync(), spec);
        ControlReply reply = await session.AskAsync(new ControlRequest { SessionList = new SessionListRequest() }, "sessions");
        List<SessionStatus> sessions = [];
        foreach (SessionStatus one in reply.SessionListResult.Sessions)
        {
            if (one.Image == image.Id.Value) { sessions.Add(one); }
        }
        return sessions;
    }

    /// <summary>Becomes the owner for a moment: its sessions, in every PG, are what shuts the one before out.</summary>
    private static async ReactorTask<ExitCode> FenceAsync(ClusterSession session, ImageSpec spec, Guid instance)
    {
        SessionStatus? owner = (await SessionsOfAsync(session, spec)).Find(one => !one.Reader);
        if (owner is null) { throw new OperatorException(ExitCode.WrongState, $"image '{spec}' is owned by nobody"); }
        MonImageAuthority authority = new(session.Reactor, session.Mon, session.Instance) { OnlyFrom = instance };
        ImageClient image = new(session.Reactor, session.Transport, authority,
            new ImageClientOptions { Instance = session.Instance }, session.Reactor.Prng);
        string who = $"image fence on {Environment.MachineName}, pid {Environment.ProcessId}";
        ImageOpenResult opened = await image.OpenAsync(spec.Pool, spec.Image, ImageOpenMode.TakeOver, who, session.LeftNanos);
        if (!opened.IsOk)
        {
            string known = image.Generation > owner.Generation ? "the monitors have fenced its owner, but not every PG has: " : "";
            throw new OperatorException(OperatorException.CodeOf(opened.Status), $"image '{spec}': {known}{opened.Text}");
        }
        ulong generation = image.Generation;
        await image.CloseAsync();
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString("fenced", spec.ToString());
            json.WriteString("owner", owner.Description);
            json.WriteNumber("generation", owner.Generation);
            json.WriteNumber("refused_below", generation);
            json.WriteEndObject();
        }, output => output.WriteLine($"image '{spec}': {owner.Description} (generation {owner.Generation}) is fenced; every PG refuses it from now on"));
        return ExitCode.Ok;
    }
}
