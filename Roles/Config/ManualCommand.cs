using System;
using System.CommandLine;

namespace Fastblock.Roles.Config;

/// <summary>A command whose <c>--help</c> ends with examples that can be pasted into a shell.</summary>
internal sealed class ManualCommand : Command
{
    public ManualCommand(string name, string description, params string[] examples) : base(name, description) =>
        Examples = examples;

    /// <summary>One shell line each, shown as they are.</summary>
    public string[] Examples { get; }

    /// <summary>Sets what the command does. Runs on the main thread; throws <see cref="OperatorException"/> for anything
    /// that the operator can mend.</summary>
    public ManualCommand Does(Func<ParseResult, ExitCode> action)
    {
        SetAction(parsed => (int)action(parsed));
        return this;
    }
}
