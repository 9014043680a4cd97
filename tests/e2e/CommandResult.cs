using System;
using System.Text.Json;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>What one process said and how it ended.</summary>
internal sealed record CommandResult(string Line, int Code, string Output, string Error)
{
    /// <summary>Requires success.</summary>
    public CommandResult Ok()
    {
        Assert.True(Code == 0, $"{Line}\nexit code {Code}\n{Output}{Error}");
        return this;
    }

    /// <summary>Requires this exit code, a message that contains <paramref name="text"/>, and no stack trace.</summary>
    public void Refused(int code, string text)
    {
        Assert.True(Code == code, $"{Line}\nexit code {Code} instead of {code}\n{Output}{Error}");
        Assert.Contains(text, Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.Equal("", Output);
    }

    /// <summary>The output as JSON; progress and errors must not be in it.</summary>
    public JsonElement Json()
    {
        Ok();
        using JsonDocument document = JsonDocument.Parse(Output);
        return document.RootElement.Clone();
    }
}
