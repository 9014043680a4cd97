using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Roles.Config.Toml;
using Xunit;

namespace Fastblock.Tests.Unit.Config;

/// <summary>The TOML project's own cases where they are at hand, and ours always: every valid document gives the values of
/// the JSON beside it, every invalid one is refused with a line and a column inside the file.</summary>
public sealed class TomlConformanceTests
{
    [Fact]
    public void Own_cases_are_read_or_refused_as_the_specification_says()
    {
        string folder = RepositoryFiles.PathOf("tests", "unit", "Config", "testdata");
        int cases = 0;
        foreach (string path in Directory.GetFiles(folder, "*.toml"))
        {
            Check(path, isValid: Path.GetFileName(path).StartsWith("valid", StringComparison.Ordinal));
            cases++;
        }
        Assert.True(cases >= 12, $"only {cases} cases");
    }

    [SharedDataFact("testdata/toml-test")]
    public void The_conformance_suite_passes_where_it_is_at_hand()
    {
        string suite = RepositoryFiles.Shared("testdata", "toml-test")!;
        List<string> failures = [];
        int cases = 0;
        foreach (string name in File.ReadAllLines(Path.Combine(suite, "files-toml-1.0.0")))
        {
            if (!name.EndsWith(".toml", StringComparison.Ordinal)) { continue; }
            cases++;
            try
            {
                Check(Path.Combine(suite, name), isValid: name.StartsWith("valid/", StringComparison.Ordinal));
            }
            catch (Xunit.Sdk.XunitException failure)
            {
                failures.Add($"{name}: {failure.Message}");
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
        Assert.True(cases > 600, $"only {cases} cases");
    }

    private static void Check(string path, bool isValid)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bool isRead = TomlReader.TryRead(bytes, out TomlTable? document, out TomlError? error);
        Assert.True(isRead == isValid, isValid ? $"refused: {error}" : "accepted");
        if (!isRead)
        {
            Assert.InRange(error!.Line, 1, bytes.AsSpan().Count((byte)'\n') + 1);
            Assert.True(error.Column >= 1, error.ToString());
            return;
        }
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.ChangeExtension(path, ".json")));
        Compare(expected.RootElement, document!, "");
    }

    private static void Compare(JsonElement expected, TomlNode actual, string at)
    {
        switch (actual)
        {
            case TomlTable table:
                Assert.True(expected.ValueKind == JsonValueKind.Object, $"{at}: no table was expected");
                int count = 0;
                foreach (JsonProperty property in expected.EnumerateObject())
                {
                    Assert.True(table.TryGet(property.Name, out TomlNode? value), $"{at}.{property.Name} is missing");
                    Compare(property.Value, value, $"{at}.{property.Name}");
                    count++;
                }
                Assert.True(count == table.Names.Count, $"{at}: {table.Names.Count} keys instead of {count}");
                break;
            case TomlArray array:
                Assert.True(expected.ValueKind == JsonValueKind.Array, $"{at}: no list was expected");
                Assert.True(expected.GetArrayLength() == array.Items.Count, $"{at}: {array.Items.Count} items");
                for (int i = 0; i < array.Items.Count; i++) { Compare(expected[i], array.Items[i], $"{at}[{i}]"); }
                break;
            case TomlScalar scalar:
                string type = expected.GetProperty("type").GetString()!, value2 = expected.GetProperty("value").GetString()!;
                Assert.True(type == TypeName(scalar.Kind), $"{at}: {scalar.Kind} instead of {type}");
                Assert.True(IsEqual(scalar, value2), $"{at}: '{Show(scalar)}' instead of '{value2}'");
                break;
        }
    }

    private static string TypeName(TomlKind kind) => kind switch
    {
        TomlKind.Text => "string",
        TomlKind.Integer => "integer",
        TomlKind.Float => "float",
        TomlKind.Boolean => "bool",
        TomlKind.OffsetDateTime => "datetime",
        TomlKind.LocalDateTime => "datetime-local",
        TomlKind.LocalDate => "date-local",
        _ => "time-local",
    };

    private static bool IsEqual(TomlScalar actual, string expected) => actual.Kind switch
    {
        TomlKind.Float => expected switch
        {
            "nan" or "+nan" or "-nan" => double.IsNaN(actual.Float),
            "inf" or "+inf" => double.IsPositiveInfinity(actual.Float),
            "-inf" => double.IsNegativeInfinity(actual.Float),
            _ => double.Parse(expected, CultureInfo.InvariantCulture).Equals(actual.Float),
        },
        TomlKind.OffsetDateTime => DateTimeOffset.Parse(actual.Text, CultureInfo.InvariantCulture)
            == DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture),
        TomlKind.LocalDateTime or TomlKind.LocalTime => Trim(actual.Text) == Trim(expected),
        _ => Show(actual) == expected,
    };

    private static string Trim(string time) => time.Contains('.', StringComparison.Ordinal) ? time.TrimEnd('0').TrimEnd('.') : time;

    private static string Show(TomlScalar scalar) => scalar.Kind switch
    {
        TomlKind.Integer => scalar.Integer.ToString(CultureInfo.InvariantCulture),
        TomlKind.Float => scalar.Float.ToString("R", CultureInfo.InvariantCulture),
        TomlKind.Boolean => scalar.Boolean ? "true" : "false",
        _ => scalar.Text,
    };
}
