using System;
using System.Diagnostics;
using System.IO;
using Xunit;

namespace Fastblock.Tests.E2e;

[Collection(E2eCollection.Name)]
public sealed class BinaryTests
{
    [Fact]
    public void The_executable_is_small_and_needs_no_runtime()
    {
        Assert.InRange(new FileInfo(Binary.Path).Length, 1, 15L << 20);
        CommandResult libraries = Shell.Run("ldd", Binary.Path).Ok();
        Assert.DoesNotContain("coreclr", libraries.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("not found", libraries.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_is_printed_at_once()
    {
        _ = Shell.Fastblock("--version").Ok();
        Stopwatch watch = Stopwatch.StartNew();
        Assert.Matches(@"^fastblock \d+\.\d+\.\d+\n$", Shell.Fastblock("--version").Ok().Output);
        Assert.InRange(watch.ElapsedMilliseconds, 0, 500); // 50 ms is the goal; the machine may be busy
    }

    [Fact]
    public void Help_names_every_role()
    {
        string help = Shell.Fastblock("--help").Ok().Output;
        foreach (string role in (string[])["vstart", "mon", "osd", "nbd", "bench", "status", "health", "df", "pool", "image", "session", "pg", "config", "log", "inspect", "fsck"])
        {
            Assert.Matches($@"\n  {role}\b", help);
        }
    }
}
