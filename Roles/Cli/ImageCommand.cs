using System;
using System.CommandLine;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock image ...</c>: the commands that change images; <see cref="ImageShowCommands"/> has those that
/// only show them.</summary>
internal static class ImageCommand
{
    public static Command Create()
    {
        ManualCommand image = new("image", "Make, list, inspect, resize, rename and remove images (volumes).");
        image.Subcommands.Add(CreateCreate());
        foreach (Command show in ImageShowCommands.Create()) { image.Subcommands.Add(show); }
        foreach (Command owner in ImageOwnerCommands.Create()) { image.Subcommands.Add(owner); }
        image.Subcommands.Add(CreateResize());
        image.Subcommands.Add(CreateRename());
        image.Subcommands.Add(CreateRemove());
        return image;
    }

    internal static Argument<string> SpecArgument() => new("image") { Description = "The image, as pool/image.", HelpName = "POOL/IMAGE" };

    private static Option<string> SizeOption() => new("--size", "-s")
    {
        Description = "Size with K, M, G or T; a multiple of 512 bytes.",
        HelpName = "SIZE",
        Required = true,
    };

    private static ManualCommand CreateCreate()
    {
        Argument<string> spec = SpecArgument();
        Option<string> size = SizeOption();
        ManualCommand create = new("create", "Make an image. It is thin: room is taken when it is written.", "fastblock image create vol/demo --size 10G");
        create.Arguments.Add(spec);
        create.Options.Add(size);
        return create.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(spec));
            long bytes = ParseImageSize(parsed.GetRequiredValue(size));
            return ClusterSession.Run(parsed, session => CreateAsync(session, image, bytes));
        });
    }

    private static ManualCommand CreateResize()
    {
        Argument<string> spec = SpecArgument();
        Option<string> size = SizeOption();
        Option<bool> shrink = new("--allow-shrink") { Description = "The size may be smaller than it is; what lies beyond is lost." };
        ManualCommand resize = new("resize", "Let an image grow, or shrink. NBD clients see the new size when they connect again.",
            "fastblock image resize vol/demo --size 20G", "fastblock image resize vol/demo --size 5G --allow-shrink");
        resize.Arguments.Add(spec);
        resize.Options.Add(size);
        resize.Options.Add(shrink);
        return resize.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(spec));
            long bytes = ParseImageSize(parsed.GetRequiredValue(size));
            return ClusterSession.Run(parsed, session => ChangeAsync(session, image, "resized", new ControlRequest
            {
                ImageResize = new ImageResizeRequest
                {
                    Pool = image.Pool,
                    Name = image.Image,
                    SizeBytes = bytes,
                    AllowShrink = parsed.GetValue(shrink),
                },
            }, json => json.WriteNumber("size_bytes", bytes), $"image '{image}' is now {SizeText.Format(bytes)}"));
        });
    }

    private static ManualCommand CreateRename()
    {
        Argument<string> spec = SpecArgument();
        Argument<string> target = new("new-name") { Description = "The new name, with or without the pool, which stays the same.", HelpName = "NAME" };
        ManualCommand rename = new("rename", "Rename an image inside its pool.", "fastblock image rename vol/demo vol/prod");
        rename.Aliases.Add("mv");
        rename.Arguments.Add(spec);
        rename.Arguments.Add(target);
        return rename.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(spec));
            string text = parsed.GetRequiredValue(target);
            ImageSpec renamed = ImageSpec.Parse(text.Contains('/', StringComparison.Ordinal) ? text : $"{image.Pool}/{text}");
            if (renamed.Pool != image.Pool)
            {
                throw new OperatorException(ExitCode.Usage, $"an image cannot change its pool: '{image}' stays in '{image.Pool}'");
            }
            return ClusterSession.Run(parsed, session => ChangeAsync(session, image, "renamed", new ControlRequest
            {
                ImageRename = new ImageRenameRequest { Pool = image.Pool, Name = image.Image, NewName = renamed.Image },
            }, json => json.WriteString("image", renamed.ToString()), $"image '{image}' is now '{renamed}'"));
        });
    }

    private static ManualCommand CreateRemove()
    {
        Argument<string> spec = SpecArgument();
        ManualCommand remove = new("rm", "Remove an image and everything in it. The name is free at once; the room is given back soon after.",
            "fastblock image rm vol/demo");
        remove.Arguments.Add(spec);
        return remove.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(spec));
            return ClusterSession.Run(parsed, session => RemoveAsync(session, image));
        });
    }

    /// <summary>A size that an image may have; the mistakes are named apart.</summary>
    internal static long ParseImageSize(string text)
    {
        long bytes = SizeText.Parse(text, "--size");
        string? whyNot = bytes == 0 ? "must be more than 0"
            : bytes % Units.SectorBytes != 0 ? "must be a multiple of 512 bytes"
            : bytes > ClusterLimits.MaxImageBytes ? $"must be at most {SizeText.Format(ClusterLimits.MaxImageBytes)}" : null;
        return whyNot is null ? bytes : throw new OperatorException(ExitCode.Usage, $"--size {text}: {whyNot}");
    }

    /// <summary>Makes an image and says so.</summary>
    private static async ReactorTask<ExitCode> CreateAsync(ClusterSession session, ImageSpec image, long bytes)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest
        {
            ImageCreate = new ImageCreateRequest { Pool = image.Pool, Name = image.Image, SizeBytes = bytes },
        }, $"image '{image}' was not made");
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString("image", image.ToString());
            json.WriteNumber("id", reply.ImageCreateResult.Id);
            json.WriteNumber("size_bytes", bytes);
            json.WriteEndObject();
        }, output => output.WriteLine($"image '{image}' made, {SizeText.Format(bytes)}"));
        return ExitCode.Ok;
    }

    private static async ReactorTask<ExitCode> ChangeAsync(
        ClusterSession session, ImageSpec image, string verb, ControlRequest request, Action<Utf8JsonWriter> now, string done)
    {
        ControlReply reply = await session.AskAsync(request, $"image '{image}' was not {verb}");
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString(verb, image.ToString());
            now(json);
            if (reply.Text.Length > 0) { json.WriteString("pending", reply.Text); }
            json.WriteEndObject();
        }, output => output.WriteLine(reply.Text.Length > 0 ? $"{done}: {reply.Text}" : done));
        return ExitCode.Ok;
    }

    private static async ReactorTask<ExitCode> RemoveAsync(ClusterSession session, ImageSpec image)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest
        {
            ImageRemove = new ImageRemoveRequest { Pool = image.Pool, Name = image.Image },
        }, $"image '{image}' was not removed");
        bool isPending = reply.Text.Length > 0;
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteString("removed", image.ToString());
            json.WriteString("pending", reply.Text);
            json.WriteEndObject();
        }, output => output.WriteLine($"image '{image}' removed{(isPending ? ": " + reply.Text : "")}"));
        return ExitCode.Ok;
    }
}
