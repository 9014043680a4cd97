using System;
using System.Globalization;
using System.IO;
using System.Runtime.CompilerServices;

namespace Fastblock.Native.Base;

/// <summary>One process's (in the simulator: one node's) log: a line per event, "time level name: text". Not for the I/O
/// path: a line allocates. Safe from any thread. A place in the code that logs again and again is held to
/// <see cref="LinesPerWindow"/> lines per window, so that a hostile peer or a flapping disk cannot fill a disk with lines;
/// the first line of the next window says how many were left out.</summary>
internal sealed class Log(string role, IClock clock, ILogOutput output, LogLevel level = LogLevel.Info)
{
    /// <summary>Most lines one place in the code may write in one window.</summary>
    public const int LinesPerWindow = 20;

    /// <summary>Length of a window.</summary>
    public const long WindowNanos = 10 * Units.NanosPerSecond;

    /// <summary>Places that are counted apart; places whose numbers collide share a budget.</summary>
    private const int PlaceSlots = 256;

    /// <summary>Longest line, in characters: text from outside may be in it.</summary>
    private const int LineLengthMax = 2000;

    private readonly object _lock = new();
    private readonly Place[] _places = new Place[PlaceSlots];
    private volatile int _level = (int)level;
    private volatile string _name = role;

    private struct Place
    {
        public long WindowEndNanos;
        public int Lines;
        public int LeftOut;
    }

    /// <summary>Who speaks: the role, and its number once that is known.</summary>
    public string Name
    {
        get => _name;
        set => _name = value;
    }

    /// <summary>Least level that is written; may be set at any time from any thread.</summary>
    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    /// <summary>A log that writes nothing, for tests and tools.</summary>
    public static Log Silent(IClock clock) => new("", clock, NoOutput.Instance, LogLevel.Error);

    /// <summary>Ask first where building the text costs something.</summary>
    public bool IsOn(LogLevel level) => (int)level >= _level;

    public void Debug(string text, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => Write(LogLevel.Debug, text, file, line);

    public void Info(string text, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => Write(LogLevel.Info, text, file, line);

    public void Warn(string text, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => Write(LogLevel.Warn, text, file, line);

    public void Error(string text, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => Write(LogLevel.Error, text, file, line);

    private void Write(LogLevel level, string text, string file, int line)
    {
        if (!IsOn(level)) { return; }
        lock (_lock)
        {
            int leftOut = 0;
            ref Place place = ref _places[Slot(file, line)];
            long now = clock.NowNanos;
            if (now >= place.WindowEndNanos)
            {
                leftOut = place.LeftOut;
                place = new Place { WindowEndNanos = now + WindowNanos };
            }
            if (place.Lines >= LinesPerWindow)
            {
                place.LeftOut++;
                return;
            }
            place.Lines++;
            if (leftOut > 0) { output.Write(Format(level, $"({leftOut} lines like the next one were left out)")); }
            output.Write(Format(level, text));
        }
    }

    private string Format(LogLevel level, string text)
    {
        string time = DateTimeOffset.FromUnixTimeMilliseconds(clock.WallMillis).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        string word = level switch { LogLevel.Debug => "debug", LogLevel.Info => "info", LogLevel.Warn => "WARN", _ => "ERROR" };
        return $"{time} {word} {_name}: {OneLine(text)}";
    }

    /// <summary>Control characters could forge lines or confuse a terminal.</summary>
    private static string OneLine(string text)
    {
        if (text.Length > LineLengthMax) { text = string.Concat(text.AsSpan(0, LineLengthMax), "..."); }
        foreach (char c in text)
        {
            if (char.IsControl(c)) { return string.Create(text.Length, text, Cleaned); }
        }
        return text;

        static void Cleaned(Span<char> target, string source)
        {
            for (int i = 0; i < target.Length; i++) { target[i] = char.IsControl(source[i]) ? ' ' : source[i]; }
        }
    }

    private static int Slot(string file, int line)
    {
        unchecked
        {
            uint hash = (uint)line * 2654435761;
            foreach (char c in Path.GetFileName(file.AsSpan())) { hash = (hash ^ c) * 16777619; }
            return (int)(hash % PlaceSlots);
        }
    }

    private sealed class NoOutput : ILogOutput
    {
        public static readonly NoOutput Instance = new();

        public void Write(string line) { }
    }
}
