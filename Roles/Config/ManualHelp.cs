using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.IO;

namespace Fastblock.Roles.Config;

/// <summary><c>--help</c>: the usual page, then the command's examples and, for the root, the exit codes.</summary>
internal sealed class ManualHelp(SynchronousCommandLineAction page) : SynchronousCommandLineAction
{
    private const string RootTail = """
        Examples:
          fastblock vstart                                  a whole cluster on this machine, with an NBD export
          fastblock status --mon 127.0.0.1:7300             is everything well?
          fastblock pool create vol --replicas 3 --pgs 64
          fastblock image create vol/demo --size 10G
          fastblock nbd vol/demo --listen 127.0.0.1:10809   then: nbdinfo nbd://127.0.0.1:10809/vol/demo
          fastblock bench rw vol/demo --rw randwrite --bs 4k --qd 32 --time 10 --verify

        Exit codes:
          0 ok, 1 failed, 2 wrong usage, 3 not found, 4 exists already, 5 wrong state, 6 timeout, 7 no connection,
          8 no permission

        'fastblock COMMAND --help' explains a command; docs/operations.md explains the rest.
        """;

    public override bool ClearsParseErrors => true;

    /// <summary>Puts this action behind the root's recursive help option.</summary>
    public static void Install(RootCommand root)
    {
        foreach (Option option in root.Options)
        {
            if (option is HelpOption { Action: SynchronousCommandLineAction page } help) { help.Action = new ManualHelp(page); }
        }
    }

    public override int Invoke(ParseResult parseResult)
    {
        int code = page.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        switch (parseResult.CommandResult.Command)
        {
            case RootCommand:
                output.WriteLine(RootTail);
                break;
            case ManualCommand { Examples.Length: > 0 } command:
                output.WriteLine("Examples:");
                foreach (string example in command.Examples) { output.WriteLine("  " + example); }
                output.WriteLine();
                break;
        }
        return code;
    }
}
