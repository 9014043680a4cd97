using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Base;

public sealed class LogTests
{
    [Fact]
    public void A_line_has_time_level_and_role_and_stays_one_line()
    {
        Sink sink = new();
        Log log = new("osd.3", new Clock(), sink);
        log.Warn("evil\npeer \u001b[31m");
        Assert.Equal("1970-01-01T00:00:01.500Z WARN osd.3: evil peer  [31m", Assert.Single(sink.Lines));
    }

    [Fact]
    public void The_level_can_be_changed_while_running()
    {
        Sink sink = new();
        Log log = new("mon", new Clock(), sink);
        log.Debug("a");
        log.Level = LogLevel.Debug;
        log.Debug("b");
        log.Level = LogLevel.Error;
        log.Warn("c");
        Assert.EndsWith("b", Assert.Single(sink.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_place_that_repeats_itself_is_held_back_and_says_how_often()
    {
        Sink sink = new();
        Clock clock = new();
        Log log = new("osd", clock, sink);
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 100; i++) { log.Info("again"); }
            clock.NowNanos += Log.WindowNanos;
        }
        Assert.Equal((2 * Log.LinesPerWindow) + 1, sink.Lines.Count);
        Assert.EndsWith("(80 lines like the next one were left out)", sink.Lines[Log.LinesPerWindow], StringComparison.Ordinal);
    }

    private sealed class Sink : ILogOutput
    {
        public List<string> Lines { get; } = [];

        public void Write(string line) => Lines.Add(line);
    }

    private sealed class Clock : IClock
    {
        public long NowNanos { get; set; }
        public long WallMillis => 1500;
    }
}
