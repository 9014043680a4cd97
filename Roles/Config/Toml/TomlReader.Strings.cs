using System;
using System.Globalization;
using System.Text;

namespace Fastblock.Roles.Config.Toml;

/// <summary>The four kinds of strings.</summary>
internal sealed partial class TomlReader
{
    private bool IsTriple(char quote) => _at + 2 < _text.Length && _text[_at + 1] == quote && _text[_at + 2] == quote;

    /// <summary>"..." on one line, with escapes.</summary>
    private string ReadBasicString()
    {
        _at++;
        StringBuilder result = new();
        while (true)
        {
            char c = StringChar("\"");
            if (c == '"')
            {
                _at++;
                return result.ToString();
            }
            if (c == '\\') { ReadEscape(result); }
            else { Copy(result, c); }
        }
    }

    /// <summary>'...' on one line, nothing is special inside.</summary>
    private string ReadLiteralString()
    {
        int start = ++_at;
        while (StringChar("'") != '\'') { _at++; }
        return _text[start.._at++];
    }

    /// <summary>The next character of a single-line string; its end must come on this line.</summary>
    private char StringChar(string quote)
    {
        if (_at >= _text.Length || AtNewline()) { throw Fail($"the string does not end: {quote} is missing"); }
        char c = _text[_at];
        return IsForbiddenControl(c) ? throw Fail("a control character is not allowed in a string; write \\uXXXX") : c;
    }

    private string ReadMultiLineBasicString()
    {
        _at += 3;
        _ = TryTakeNewline(); // one right behind the opening quotes does not count
        StringBuilder result = new();
        while (true)
        {
            char c = MultiLineChar("\"\"\"");
            if (c == '"')
            {
                if (TryCloseTriple('"', result)) { return result.ToString(); }
            }
            else if (c == '\\') { ReadEscapeOrLineEnd(result); }
            else if (AtNewline()) { CopyNewline(result); }
            else { Copy(result, c); }
        }
    }

    private string ReadMultiLineLiteralString()
    {
        _at += 3;
        _ = TryTakeNewline();
        StringBuilder result = new();
        while (true)
        {
            char c = MultiLineChar("'''");
            if (c == '\'')
            {
                if (TryCloseTriple('\'', result)) { return result.ToString(); }
            }
            else if (AtNewline()) { CopyNewline(result); }
            else { Copy(result, c); }
        }
    }

    private char MultiLineChar(string quote)
    {
        if (_at >= _text.Length) { throw Fail($"the string does not end: {quote} is missing"); }
        char c = _text[_at];
        return IsForbiddenControl(c) && !AtNewline() ? throw Fail("a control character is not allowed in a string; write \\uXXXX") : c;
    }

    /// <summary>At a quote: up to two of them may belong to the text, also right before the closing three.</summary>
    private bool TryCloseTriple(char quote, StringBuilder result)
    {
        int run = 0;
        while (_at + run < _text.Length && _text[_at + run] == quote) { run++; }
        if (run > 5) { throw Fail("too many quotes"); }
        _at += run;
        _ = result.Append(quote, run < 3 ? run : run - 3);
        return run >= 3;
    }

    private void CopyNewline(StringBuilder result)
    {
        _ = result.Append(_text[_at] == '\n' ? "\n" : "\r\n");
        _ = TryTakeNewline();
    }

    private void Copy(StringBuilder result, char c)
    {
        _ = result.Append(c);
        _at++;
    }

    /// <summary>A backslash at the end of a line swallows all white space up to the next text.</summary>
    private void ReadEscapeOrLineEnd(StringBuilder result)
    {
        int after = _at + 1;
        while (after < _text.Length && _text[after] is ' ' or '\t') { after++; }
        if (after < _text.Length && (_text[after] == '\n' || (_text[after] == '\r' && after + 1 < _text.Length && _text[after + 1] == '\n')))
        {
            _at = after;
            do { SkipSpaces(); } while (TryTakeNewline());
            return;
        }
        ReadEscape(result);
    }

    private void ReadEscape(StringBuilder result)
    {
        char letter = _at + 1 < _text.Length ? _text[_at + 1] : '\0';
        string? plain = letter switch
        {
            'b' => "\b",
            't' => "\t",
            'n' => "\n",
            'f' => "\f",
            'r' => "\r",
            '"' => "\"",
            '\\' => "\\",
            _ => null,
        };
        if (plain is not null)
        {
            _ = result.Append(plain);
            _at += 2;
            return;
        }
        int digits = letter switch { 'u' => 4, 'U' => 8, _ => throw Fail("unknown escape; a backslash itself is written \\\\") };
        if (_at + 2 + digits > _text.Length
            || !uint.TryParse(_text.AsSpan(_at + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint scalar)
            || !Rune.IsValid(scalar))
        {
            throw Fail($"\\{letter} needs {digits} hex digits that name a Unicode scalar value");
        }
        _ = result.Append(new Rune(scalar).ToString());
        _at += 2 + digits;
    }
}
