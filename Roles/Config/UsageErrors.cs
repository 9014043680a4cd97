using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;

namespace Fastblock.Roles.Config;

/// <summary>Turns what the command-line parser did not like into lines for the operator.</summary>
internal static class UsageErrors
{
    public static IReadOnlyList<string> Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        List<string> lines = [];
        if (parsed.UnmatchedTokens.Count > 0)
        {
            foreach (string token in parsed.UnmatchedTokens) { lines.Add(Unknown(token, command)); }
        }
        else
        {
            foreach (ParseError error in parsed.Errors)
            {
                if (!lines.Contains(error.Message)) { lines.Add(error.Message); }
            }
        }
        lines.Add($"see '{PathOf(command)} --help'");
        return lines;
    }

    private static string Unknown(string token, Command command)
    {
        bool isOption = token.StartsWith('-');
        List<string> names = [];
        if (isOption)
        {
            foreach (Option option in AllOptions(command)) { names.Add(option.Name); }
        }
        else
        {
            foreach (Command sub in command.Subcommands) { names.Add(sub.Name); }
        }
        string kind = isOption ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
        return $"unknown {kind} '{token}' for '{PathOf(command)}'{NearestName.Hint(token, names)}";
    }

    private static IEnumerable<Option> AllOptions(Command command)
    {
        foreach (Option option in command.Options) { yield return option; }
        foreach (Symbol parent in command.Parents)
        {
            if (parent is not Command above) { continue; }
            foreach (Option option in AllOptions(above))
            {
                if (option.Recursive) { yield return option; }
            }
        }
    }

    private static string PathOf(Command command)
    {
        if (command is RootCommand) { return "fastblock"; }
        foreach (Symbol parent in command.Parents)
        {
            if (parent is Command above) { return $"{PathOf(above)} {command.Name}"; }
        }
        return command.Name;
    }
}
