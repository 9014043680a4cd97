using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Help;
using System.IO;
using Fastblock.Roles.Bench;
using Fastblock.Roles.Cli;
using Fastblock.Roles.Config;
using Fastblock.Roles.Mon;
using Fastblock.Roles.Osd;
using Fastblock.Roles.Nbd;
using Fastblock.Roles.Vstart;

namespace Fastblock;

/// <summary>The root command. Every role contributes its own sub-command; operator's mistakes end here, and only here,
/// as one line on stderr and an exit code.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        // Answered before the command tree is built: scripts ask for it often, and it must work on a broken host.
        if (args is ["--version"])
        {
            Console.Out.WriteLine($"fastblock {ThisAssembly.Version}");
            return (int)ExitCode.Ok;
        }
        try
        {
            return Run(args);
        }
        catch (OperatorException mistake)
        {
            Console.Error.WriteLine($"fastblock: {mistake.Message}");
            return (int)mistake.Code;
        }
        catch (UnauthorizedAccessException denied)
        {
            Console.Error.WriteLine($"fastblock: {denied.Message}");
            return (int)ExitCode.Permission;
        }
        catch (IOException failure) // a full disk, a closed pipe
        {
            Console.Error.WriteLine($"fastblock: {failure.Message}");
            return (int)ExitCode.Failed;
        }
    }

    private static int Run(string[] args)
    {
        RootCommand root = CreateRoot();
        ParseResult parsed = root.Parse(args);
        IReadOnlyList<string> mistakes = parsed.Action is HelpAction or ManualHelp ? [] : UsageErrors.Describe(parsed);
        if (mistakes.Count > 0)
        {
            foreach (string line in mistakes) { Console.Error.WriteLine($"fastblock: {line}"); }
            return (int)ExitCode.Usage;
        }
        return parsed.Invoke(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null, // roles install their own signal handling
        });
    }

    /// <summary>All commands, in the order in which `--help` lists them.</summary>
    internal static RootCommand CreateRoot()
    {
        RootCommand root = new("fastblock: a replicated block store for all-flash clusters, in one executable.");
        foreach (Option option in (Option[])[CommonOptions.Config, CommonOptions.Mon, CommonOptions.Json, CommonOptions.Timeout])
        {
            root.Options.Add(option);
        }
        foreach (Command command in Commands()) { root.Subcommands.Add(command); }
        ManualHelp.Install(root);
        return root;
    }

    private static IEnumerable<Command> Commands()
    {
        yield return VstartCommand.Create();
        yield return MonAdminCommands.AddTo(MonCommand.Create());
        yield return OsdListCommands.AddTo(OsdCommand.Create());
        yield return NbdCommand.Create();
        yield return BenchCommand.Create();
        yield return StatusCommand.Create();
        yield return HealthCommand.Create();
        yield return DfCommand.Create();
        yield return ClusterCommand.Create();
        yield return PoolCommand.Create();
        yield return ImageCommand.Create();
        yield return SessionCommand.Create();
        yield return PgCommand.Create();
        yield return ConfigCommand.Create();
        yield return LogCommand.Create();
        yield return InspectCommand.Create();
        yield return FsckCommand.Create();
    }
}
