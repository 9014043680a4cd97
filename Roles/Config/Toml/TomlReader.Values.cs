using System;
using System.Globalization;

namespace Fastblock.Roles.Config.Toml;

/// <summary>Values: numbers, booleans, arrays, inline tables.</summary>
internal sealed partial class TomlReader
{
    private TomlNode ReadValue()
    {
        (int line, int column) = Here();
        if (_at >= _text.Length) { throw Fail("a value was expected"); }
        switch (_text[_at])
        {
            case '"':
                return new TomlScalar(TomlKind.Text, IsTriple('"') ? ReadMultiLineBasicString() : ReadBasicString(), line, column);
            case '\'':
                return new TomlScalar(TomlKind.Text, IsTriple('\'') ? ReadMultiLineLiteralString() : ReadLiteralString(), line, column);
            case '[':
                return ReadArray(line, column);
            case '{':
                return ReadInlineTable(line, column);
            default:
                return ReadPlain(line, column);
        }
    }

    private TomlArray ReadArray(int line, int column)
    {
        EnterNested();
        _at++;
        TomlArray array = new(line, column, isTableArray: false);
        while (true)
        {
            SkipBlankLines();
            if (TryTake(']')) { break; }
            array.Items.Add(ReadValue());
            SkipBlankLines();
            if (TryTake(']')) { break; }
            Expect(',', "',' or ']' in a list");
        }
        _depth--;
        return array;
    }

    /// <summary>{ a = 1, b.c = 2 }: one line, no comma at the end (TOML 1.0).</summary>
    private TomlTable ReadInlineTable(int line, int column)
    {
        EnterNested();
        _at++;
        // Dotted keys may fill it up to the closing brace; then it and all tables that they made are complete.
        TomlTable table = new(TomlTableOrigin.Header, line, column);
        SkipSpaces();
        if (!TryTake('}'))
        {
            while (true)
            {
                SkipSpaces();
                ReadKeyValue(table);
                SkipSpaces();
                if (TryTake('}')) { break; }
                Expect(',', "',' or '}' in an inline table (it must stay on one line)");
            }
        }
        Close(table);
        _depth--;
        return table;
    }

    private static void Close(TomlTable table)
    {
        table.Origin = TomlTableOrigin.Inline;
        foreach (string name in table.Names)
        {
            if (table.TryGet(name, out TomlNode? node) && node is TomlTable { Origin: TomlTableOrigin.Dotted } inner) { Close(inner); }
        }
    }

    private void EnterNested()
    {
        if (++_depth > TomlLimits.DepthMax) { throw Fail($"more than {TomlLimits.DepthMax} lists or inline tables inside each other"); }
    }

    /// <summary>Everything without quotes or brackets: booleans, numbers, dates and times.</summary>
    private TomlScalar ReadPlain(int line, int column)
    {
        int start = _at;
        while (_at < _text.Length && IsPlain(_text[_at])) { _at++; }
        // A date and a time may be parted by one space instead of a T.
        if (_at - start == 10 && _text[start + 4] == '-' && _at + 1 < _text.Length && _text[_at] == ' ' && char.IsAsciiDigit(_text[_at + 1]))
        {
            _at++;
            while (_at < _text.Length && IsPlain(_text[_at])) { _at++; }
        }
        ReadOnlySpan<char> word = _text.AsSpan(start, _at - start);
        if (word.Length == 0) { throw Fail(line, column, "a value was expected"); }
        if (word.SequenceEqual("true")) { return new TomlScalar(true, line, column); }
        if (word.SequenceEqual("false")) { return new TomlScalar(false, line, column); }
        if (TryDateTime(word, line, column, out TomlScalar? date)) { return date; }
        if (TryInteger(word, out long integer, out bool isTooLarge)) { return new TomlScalar(integer, line, column); }
        if (isTooLarge) { throw Fail(line, column, $"'{word}' does not fit into a 64-bit integer"); }
        if (TryFloat(word, out double number)) { return new TomlScalar(number, line, column); }
        throw Fail(line, column, $"'{word[..Math.Min(word.Length, 60)]}' is not a value (texts need quotes)");
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.' or '_' or ':';

    private static bool TryInteger(ReadOnlySpan<char> word, out long value, out bool isTooLarge)
    {
        value = 0;
        isTooLarge = false;
        if (word.Length > 2 && word[0] == '0' && word[1] is 'x' or 'o' or 'b')
        {
            int radix = word[1] switch { 'x' => 16, 'o' => 8, _ => 2 };
            return TryDigits(word[2..], radix, isNegative: false, out value, out isTooLarge);
        }
        bool isNegative = word[0] == '-';
        ReadOnlySpan<char> digits = word[0] is '+' or '-' ? word[1..] : word;
        if (digits.Length > 1 && digits[0] == '0') { return false; } // no leading zeros
        return TryDigits(digits, 10, isNegative, out value, out isTooLarge);
    }

    /// <summary>Digits of a radix with single underscores between them.</summary>
    private static bool TryDigits(ReadOnlySpan<char> digits, int radix, bool isNegative, out long value, out bool isTooLarge)
    {
        value = 0;
        isTooLarge = false;
        if (!HasPlacedUnderscores(digits)) { return false; }
        UInt128 sum = 0;
        UInt128 limit = isNegative ? (UInt128)long.MaxValue + 1 : (UInt128)long.MaxValue;
        foreach (char c in digits)
        {
            if (c == '_') { continue; }
            int digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix) { return false; }
            if (!isTooLarge) { sum = (sum * (uint)radix) + (uint)digit; }
            isTooLarge |= sum > limit;
        }
        if (isTooLarge) { return false; }
        value = unchecked(isNegative ? -(long)(ulong)sum : (long)(ulong)sum);
        return true;
    }

    /// <summary>Not empty, and every underscore stands between two other characters.</summary>
    private static bool HasPlacedUnderscores(ReadOnlySpan<char> digits) =>
        digits.Length > 0 && digits[0] != '_' && digits[^1] != '_' && digits.IndexOf("__") < 0;

    /// <summary>sign? integer (. digits)? (e sign? digits)?, or inf, or nan.</summary>
    private static bool TryFloat(ReadOnlySpan<char> word, out double value)
    {
        ReadOnlySpan<char> rest = word[0] is '+' or '-' ? word[1..] : word;
        double sign = word[0] == '-' ? -1 : 1;
        value = rest.SequenceEqual("inf") ? sign * double.PositiveInfinity : double.NaN;
        if (rest.SequenceEqual("inf") || rest.SequenceEqual("nan")) { return true; }

        int exponentAt = rest.IndexOfAny('e', 'E');
        ReadOnlySpan<char> mantissa = exponentAt < 0 ? rest : rest[..exponentAt];
        int pointAt = mantissa.IndexOf('.');
        ReadOnlySpan<char> whole = pointAt < 0 ? mantissa : mantissa[..pointAt];
        if (exponentAt < 0 && pointAt < 0) { return false; }
        if (!IsDigits(whole) || (whole.Length > 1 && whole[0] == '0')) { return false; }
        if (pointAt >= 0 && !IsDigits(mantissa[(pointAt + 1)..])) { return false; }
        if (exponentAt >= 0)
        {
            ReadOnlySpan<char> exponent = rest[(exponentAt + 1)..];
            if (exponent.Length > 0 && exponent[0] is '+' or '-') { exponent = exponent[1..]; }
            if (!IsDigits(exponent)) { return false; }
        }
        return double.TryParse(word.ToString().Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    private static bool IsDigits(ReadOnlySpan<char> text)
    {
        if (!HasPlacedUnderscores(text)) { return false; }
        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c) && c != '_') { return false; }
        }
        return true;
    }
}
