using System;
using System.Collections.Generic;
using System.Reflection;
using System.Text;
using Fastblock.Roles.Cli;
using Fastblock.Roles.Mon;
using Fastblock.Tests.Unit.Config;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

public sealed class HealthCodeTests
{
    [Fact]
    public void The_operations_document_explains_every_health_code()
    {
        StringBuilder table = new("| code | level | meaning | what to do |\n|---|---|---|---|\n");
        foreach (HealthCode code in HealthCode.All)
        {
            string meaning = code.Summary.Replace("{0}", "N", StringComparison.Ordinal).Replace("{1}", "M", StringComparison.Ordinal);
            table.Append($"| `{code.Name}` | {HealthCommand.NameOf(code.Level)} | {meaning} | {code.Advice} |\n");
        }
        GeneratedParts.CheckPart(RepositoryFiles.PathOf("docs", "operations.md"), "health", table.ToString());
    }

    [Fact]
    public void The_list_has_every_code_once_and_each_says_what_to_do()
    {
        HashSet<string> names = [];
        foreach (HealthCode code in HealthCode.All)
        {
            Assert.True(names.Add(code.Name), code.Name);
            Assert.Matches("^[A-Z]+(_[A-Z]+)+$", code.Name);
            Assert.NotEmpty(code.Advice);
        }
        int fields = 0;
        foreach (FieldInfo field in typeof(HealthCode).GetFields(BindingFlags.Public | BindingFlags.Static))
        {
            fields += field.FieldType == typeof(HealthCode) ? 1 : 0;
        }
        Assert.Equal(fields, names.Count);
    }
}
