using System;
using System.Diagnostics.CodeAnalysis;

namespace Fastblock.Roles.Config.Toml;

/// <summary>Dates and times (RFC 3339), checked and kept as text.</summary>
internal sealed partial class TomlReader
{
    /// <summary>False when <paramref name="word"/> does not look like a date or time; throws when it does and is wrong.</summary>
    private static bool TryDateTime(ReadOnlySpan<char> word, int line, int column, [NotNullWhen(true)] out TomlScalar? value)
    {
        value = null;
        if (IsTimeStart(word))
        {
            if (!IsTime(word)) { throw Fail(line, column, $"'{word}' is not a time (write 07:32:00)"); }
            value = new TomlScalar(TomlKind.LocalTime, word.ToString(), line, column);
            return true;
        }
        if (word.Length < 10 || word[4] != '-' || word[7] != '-' || !AreDigits(word[..4])) { return false; }
        if (!IsDate(word[..10])) { throw Fail(line, column, $"'{word[..10]}' is not a date (write 1979-05-27)"); }
        if (word.Length == 10)
        {
            value = new TomlScalar(TomlKind.LocalDate, word.ToString(), line, column);
            return true;
        }
        (int timeEnd, bool hasOffset) = FindOffset(word);
        if (word[10] is not ('T' or 't' or ' ') || !IsTime(word[11..timeEnd]) || (hasOffset && !IsOffset(word[timeEnd..])))
        {
            throw Fail(line, column, $"'{word}' is not a date with a time (write 1979-05-27T07:32:00Z)");
        }
        string text = string.Concat(word[..10], "T", word[11..timeEnd], word[timeEnd..].ToString().ToUpperInvariant());
        value = new TomlScalar(hasOffset ? TomlKind.OffsetDateTime : TomlKind.LocalDateTime, text, line, column);
        return true;
    }

    /// <summary>Where the time of a date-time ends and an offset (Z, +hh:mm, -hh:mm) begins.</summary>
    private static (int TimeEnd, bool HasOffset) FindOffset(ReadOnlySpan<char> word)
    {
        int at = word[11..].IndexOfAny("Zz+-");
        return at < 0 ? (word.Length, false) : (11 + at, true);
    }

    private static bool IsTimeStart(ReadOnlySpan<char> word) => word.Length >= 3 && word[2] == ':' && AreDigits(word[..2]);

    private static bool IsDate(ReadOnlySpan<char> date)
    {
        if (!AreDigits(date[..4]) || !AreDigits(date[5..7]) || !AreDigits(date[8..10])) { return false; }
        int year = Number(date[..4]), month = Number(date[5..7]), day = Number(date[8..10]);
        if (month is < 1 or > 12 || day < 1) { return false; }
        bool isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        int days = month switch { 2 => isLeap ? 29 : 28, 4 or 6 or 9 or 11 => 30, _ => 31 };
        return day <= days;
    }

    /// <summary>hh:mm:ss with an optional fraction; second 60 is a leap second.</summary>
    private static bool IsTime(ReadOnlySpan<char> time)
    {
        if (time.Length < 8 || time[2] != ':' || time[5] != ':') { return false; }
        if (!AreDigits(time[..2]) || !AreDigits(time[3..5]) || !AreDigits(time[6..8])) { return false; }
        if (Number(time[..2]) > 23 || Number(time[3..5]) > 59 || Number(time[6..8]) > 60) { return false; }
        return time.Length == 8 || (time.Length > 9 && time[8] == '.' && AreDigits(time[9..]));
    }

    private static bool IsOffset(ReadOnlySpan<char> offset)
    {
        if (offset.Length == 1) { return offset[0] is 'Z' or 'z'; }
        return offset.Length == 6 && offset[0] is '+' or '-' && offset[3] == ':' && AreDigits(offset[1..3]) && AreDigits(offset[4..6])
            && Number(offset[1..3]) <= 23 && Number(offset[4..6]) <= 59;
    }

    private static bool AreDigits(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c)) { return false; }
        }
        return text.Length > 0;
    }

    private static int Number(ReadOnlySpan<char> digits)
    {
        int value = 0;
        foreach (char c in digits) { value = (value * 10) + (c - '0'); }
        return value;
    }
}
