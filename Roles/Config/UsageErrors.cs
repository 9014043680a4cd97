using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;

namespace Fastblock.Roles.Config;

/// <summary>Turns what the command-line parser did not like into lines for the operator.</summary>
internal static class UsageErrors
{
    /// <returns>One line for each mistake and where to read more; nothing when there is none.</returns>
    public static IReadOnlyList<string> Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        List<string> lines = [];
        // What follows an unknown option is its value as a rule: naming that as well would only confuse.
        foreach (string token in UnknownOptions(parsed)) { lines.Add(Unknown(token, command)); }
        if (lines.Count == 0)
        {
            foreach (string token in parsed.UnmatchedTokens) { lines.Add(Unknown(token, command)); }
        }
        if (lines.Count == 0)
        {
            foreach (ParseError error in parsed.Errors)
            {
                string line = LineOf(error, command);
                if (!lines.Contains(line)) { lines.Add(line); }
            }
        }
        if (lines.Count > 0) { lines.Add($"see '{PathOf(command)} --help'"); }
        return lines;
    }

    /// <summary>Words that look like options and are none, also where the parser took them for an argument: a file whose name
    /// begins with a dash is written ./-name.</summary>
    private static IEnumerable<string> UnknownOptions(ParseResult parsed)
    {
        foreach (Token token in parsed.Tokens)
        {
            if (token.Type is TokenType.DoubleDash) { yield break; }
        }
        foreach (SymbolResult part in parsed.CommandResult.Children)
        {
            if (part is not ArgumentResult argument) { continue; }
            foreach (Token token in argument.Tokens)
            {
                if (LooksLikeOption(token.Value)) { yield return token.Value; }
            }
        }
        foreach (string token in parsed.UnmatchedTokens)
        {
            if (LooksLikeOption(token)) { yield return token; }
        }
    }

    private static bool LooksLikeOption(string token) => token.Length > 1 && token[0] == '-';

    /// <summary>The parser's own words name types and classes of the program.</summary>
    private static string LineOf(ParseError error, Command command)
    {
        if (error.SymbolResult is OptionResult { Tokens: [Token value, ..], Option: Option option } && error.Message.Contains("System.", StringComparison.Ordinal))
        {
            Type type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
            string what = type == typeof(bool) ? "true or false" : type == typeof(double) ? "a number" : "a whole number that is not too large";
            return $"{option.Name} '{value.Value}': must be {what}";
        }
        if (error.SymbolResult is CommandResult && command.Subcommands.Count > 0)
        {
            List<string> names = [];
            foreach (Command sub in command.Subcommands) { names.Add(sub.Name); }
            return $"'{PathOf(command)}' needs a command: {string.Join(", ", names)}";
        }
        return error.Message;
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
