using System;
using System.IO;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Config;
using Fastblock.Roles.Hosting;
using Xunit;

namespace Fastblock.Tests.Integration;

[Collection("kernel")]
public sealed class ServerProcessTests
{
    private const string Name = "ending";

    [Fact]
    public void A_server_that_is_ended_while_it_starts_ends_quietly_and_never_counts_as_started()
    {
        using ServerProcess process = Create();
        ExitCode code = process.Run(async () =>
        {
            process.RequestEnd();
            await process.Seats[0].Reactor.Delay(3600 * Units.NanosPerSecond);
            return null;
        }, () => Assert.Fail("it has not started"), () => throw new InvalidOperationException("there is nothing to stop"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.False(ReactorsRun());
    }

    [Fact]
    public void A_refusal_while_it_starts_has_the_exit_code_for_no_permission()
    {
        using ServerProcess process = Create();
        OperatorException refused = Assert.Throws<OperatorException>(() => process.Run(async () =>
        {
            process.Refuse("not yours");
            await process.Seats[0].Reactor.Delay(3600 * Units.NanosPerSecond);
            return null;
        }, () => Assert.Fail("it has not started"), () => throw new InvalidOperationException("there is nothing to stop")));
        Assert.Equal(ExitCode.Permission, refused.Code);
        Assert.False(ReactorsRun());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_reactor_runs_any_more_when_a_failure_is_told(bool whileStarting)
    {
        using ServerProcess process = Create();
        bool ran = false;
        OperatorException failure = Assert.Throws<OperatorException>(() => process.Run(async () =>
        {
            ran = ReactorsRun();
            await process.Seats[0].Reactor.Delay(1);
            return whileStarting ? "port in use" : null;
        }, () => process.Fail("the disk is gone"), () => throw new InvalidOperationException("no clean end after a failure")));
        Assert.Equal(whileStarting ? ExitCode.WrongState : ExitCode.Failed, failure.Code);
        Assert.True(ran);
        Assert.False(ReactorsRun());
    }

    [Theory]
    [InlineData("77", "")]
    [InlineData("debug,error", "")]
    [InlineData("", "77")]
    [InlineData("debug", "busy,sleep")]
    public void Settings_from_the_wire_that_are_no_names_are_refused_and_change_nothing(string level, string poll)
    {
        using ServerProcess process = Create();
        Log log = new("test", new BootClock(), new StderrLogOutput(), LogLevel.Warn);
        ControlReply reply = ProcessSettings.Apply(new LogLevelRequest { Level = level, Poll = poll }, log, process);
        Assert.Equal(ControlStatus.StatusInvalid, reply.Status);
        Assert.Equal(LogLevel.Warn, log.Level);
        Assert.Equal(WaitStrategy.Sleep, process.Seats[0].Reactor.Strategy);
    }

    private static ServerProcess Create() => new(new ServerProcessOptions
    {
        Name = Name,
        Poll = WaitStrategy.Sleep,
    });

    /// <summary>Whether the kernel knows a thread with the name of our reactors.</summary>
    private static bool ReactorsRun()
    {
        // A thread that has been joined may still be seen for a moment while the kernel takes it down.
        bool found = true;
        for (int attempt = 0; attempt < 100 && found; attempt++)
        {
            found = false;
            foreach (string task in Directory.GetDirectories("/proc/self/task"))
            {
                try
                {
                    found |= File.ReadAllText(Path.Combine(task, "comm")).StartsWith(Name + "-", StringComparison.Ordinal);
                }
                catch (IOException)
                {
                    // It ended between the two calls.
                }
            }
            if (found) { Thread.Sleep(1); }
        }
        return found;
    }
}
