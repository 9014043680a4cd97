using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Text;
using Fastblock.Roles.Config;
using Fastblock.Tests.Unit.Config;
using Xunit;

namespace Fastblock.Tests.Unit.Cli;

public sealed class CommandTreeTests
{
    [Fact]
    public void A_monitor_may_be_given_by_the_name_of_its_host()
    {
        FastblockConfig config = new() { Cluster = new() { Mons = ["localhost:7301", "127.0.0.1"] } };
        Assert.Equal(["127.0.0.1:7301", "127.0.0.1:7300"], System.Linq.Enumerable.Select(CommonOptions.MonsOf(config), mon => mon.ToString()));
        foreach (string bad in (string[])["local host:7300", "localhost:port", "a:b:c"])
        {
            FastblockConfig wrong = new() { Cluster = new() { Mons = [bad] } };
            Assert.Equal(ExitCode.Usage, Assert.Throws<OperatorException>(() => CommonOptions.MonsOf(wrong)).Code);
        }
    }

    [Fact]
    public void Every_command_and_option_explains_itself_and_ends_with_examples()
    {
        foreach ((string path, Command command) in Commands(Program.CreateRoot(), "fastblock"))
        {
            Assert.False(string.IsNullOrWhiteSpace(command.Description), path);
            foreach (Option option in command.Options) { Assert.False(string.IsNullOrWhiteSpace(option.Description), $"{path} {option.Name}"); }
            foreach (Argument argument in command.Arguments) { Assert.False(string.IsNullOrWhiteSpace(argument.Description), $"{path} {argument.Name}"); }
            if (command.Action is null) { continue; }
            ManualCommand manual = Assert.IsType<ManualCommand>(command);
            Assert.True(manual.Examples.Length > 0, $"{path} has no example");
            Assert.All(manual.Examples, example => Assert.StartsWith("fastblock ", example, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Every_example_can_be_parsed()
    {
        RootCommand root = Program.CreateRoot();
        foreach ((string path, Command command) in Commands(root, "fastblock"))
        {
            foreach (string example in (command as ManualCommand)?.Examples ?? [])
            {
                string words = example["fastblock ".Length..].Split('|')[0].Split(" # ")[0];
                ParseResult parsed = root.Parse(words);
                Assert.True(parsed.Errors.Count == 0, $"{path}: '{example}': {(parsed.Errors.Count > 0 ? parsed.Errors[0].Message : "")}");
            }
        }
    }

    [Fact]
    public void The_operations_document_lists_every_command()
    {
        StringBuilder list = new("| command | what it does |\n|---|---|\n");
        foreach ((string path, Command command) in Commands(Program.CreateRoot(), "fastblock"))
        {
            if (command.Action is not null) { list.Append($"| `{path}` | {command.Description} |\n"); }
        }
        GeneratedParts.CheckPart(RepositoryFiles.PathOf("docs", "operations.md"), "commands", list.ToString());
    }

    [Theory]
    [InlineData("pool create", "image create")]
    [InlineData("session ls", "pg ls")]
    [InlineData("config show", "log level")]
    [InlineData("inspect", "fsck")]
    [InlineData("osd ls", "osd tree")]
    [InlineData("mon mkfs", "osd mkfs")]
    [InlineData("nbd", "bench rw")]
    [InlineData("vstart", "vstart stop")]
    public void The_commands_of_the_manual_are_there(string first, string second)
    {
        foreach (string path in (string[])[first, second])
        {
            Command at = Program.CreateRoot();
            foreach (string name in path.Split(' '))
            {
                Command? next = null;
                foreach (Command sub in at.Subcommands) { next = sub.Name == name ? sub : next; }
                Assert.True(next is not null, $"there is no 'fastblock {path}'");
                at = next;
            }
        }
    }

    [Theory]
    [InlineData("--hlp", "did you mean '--help'?")]
    [InlineData("stats", "did you mean 'status'?")]
    [InlineData("pool crate x", "did you mean 'create'?")]
    [InlineData("image create vol/x --sise 1G", "did you mean '--size'?")]
    public void A_mistyped_word_gets_the_nearest_one(string line, string hint)
    {
        ParseResult parsed = Program.CreateRoot().Parse(line);
        Assert.Contains(hint, string.Join("\n", UsageErrors.Describe(parsed)), StringComparison.Ordinal);
    }

    /// <summary>Exactly one line says what is wrong, in the operator's words, and one where to read more.</summary>
    [Theory]
    [InlineData("inspect --device X", "unknown option '--device' for 'fastblock inspect'")]
    [InlineData("inspect --foo", "unknown option '--foo' for 'fastblock inspect'")]
    [InlineData("image info -x", "unknown option '-x' for 'fastblock image info'")]
    [InlineData("image create vol/x --sise 1G", "unknown option '--sise' for 'fastblock image create'; did you mean '--size'?")]
    [InlineData("status foo", "unknown argument 'foo' for 'fastblock status'")]
    [InlineData("status --timeout soon", "--timeout 'soon': must be a number")]
    [InlineData("vstart --osds x", "--osds 'x': must be a whole number that is not too large")]
    [InlineData("osd mkfs --device x --weight -1", "--weight '-1': must be a whole number that is not too large")]
    [InlineData("mon mkfs --device x --id 99999999999", "--id '99999999999': must be a whole number that is not too large")]
    [InlineData("pool", "'fastblock pool' needs a command: create, ls, rm")]
    [InlineData("image create vol/x", "Option '--size' is required.")]
    public void A_mistake_is_told_in_one_line(string line, string text)
    {
        IReadOnlyList<string> lines = UsageErrors.Describe(Program.CreateRoot().Parse(line));
        Assert.Equal(2, lines.Count);
        Assert.Equal(text, lines[0]);
        Assert.EndsWith("--help'", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inspect ./-odd")]
    [InlineData("inspect -- -odd")]
    [InlineData("status --timeout -5")]
    [InlineData("pool ls --json")]
    public void What_is_right_is_no_mistake(string line) => Assert.Empty(UsageErrors.Describe(Program.CreateRoot().Parse(line)));

    [Fact]
    public void Help_of_a_command_shows_its_examples()
    {
        StringWriter output = new();
        Program.CreateRoot().Parse("pool create --help").Invoke(new InvocationConfiguration { Output = output });
        Assert.Contains("Examples:\n  fastblock pool create vol --replicas 3", output.ToString(), StringComparison.Ordinal);
    }

    private static IEnumerable<(string Path, Command Command)> Commands(Command command, string path)
    {
        yield return (path, command);
        foreach (Command sub in command.Subcommands)
        {
            foreach ((string, Command) found in Commands(sub, $"{path} {sub.Name}")) { yield return found; }
        }
    }
}
