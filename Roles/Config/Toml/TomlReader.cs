using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Fastblock.Roles.Config.Toml;

/// <summary>Reads TOML 1.0.0 (toml.io/en/v1.0.0). Stops at the first error, which carries line and column. Time and
/// memory are linear in the file; nesting is bounded, so that no input can exhaust the stack. This part knows sections
/// and keys; the other parts know values, strings and dates. Errors travel as one private exception up to
/// <see cref="TryRead"/>: a file is read once, at start.</summary>
internal sealed partial class TomlReader
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _text;
    private readonly TomlTable _root = new(TomlTableOrigin.Header, 1, 1);
    private TomlTable _section;
    private int _at;
    private int _line = 1;
    private int _lineStart;
    private int _depth;

    private TomlReader(string text)
    {
        _text = text;
        _section = _root;
    }

    /// <summary>Reads a whole document. False, with the first mistake, when it is not valid TOML.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out TomlTable? document, [NotNullWhen(false)] out TomlError? error)
    {
        document = null;
        error = null;
        if (utf8.Length > TomlLimits.FileBytesMax)
        {
            error = new TomlError(1, 1, $"the file is larger than {TomlLimits.FileBytesMax} bytes");
            return false;
        }
        if (utf8.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) { utf8 = utf8[3..]; }
        if (!TryDecode(utf8, out string? text, out error)) { return false; }
        try
        {
            document = new TomlReader(text).ReadDocument();
            return true;
        }
        catch (ReaderException mistake)
        {
            error = mistake.Error;
            return false;
        }
    }

    private static bool TryDecode(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out string? text, [NotNullWhen(false)] out TomlError? error)
    {
        error = null;
        try
        {
            text = StrictUtf8.GetString(utf8);
            return true;
        }
        catch (DecoderFallbackException bad)
        {
            ReadOnlySpan<byte> before = utf8[..Math.Clamp(bad.Index, 0, utf8.Length)];
            int column = before.Length - before.LastIndexOf((byte)'\n');
            error = new TomlError(before.Count((byte)'\n') + 1, column, "not valid UTF-8");
            text = null;
            return false;
        }
    }

    private TomlTable ReadDocument()
    {
        while (true)
        {
            SkipBlankLines();
            if (_at == _text.Length) { return _root; }
            if (_text[_at] == '[') { ReadHeader(); }
            else { ReadKeyValue(_section); }
            ExpectEndOfLine();
        }
    }

    /// <summary>[a.b] or [[a.b]]: makes that table the current section.</summary>
    private void ReadHeader()
    {
        (int line, int column) = Here();
        _at++;
        bool isArray = TryTake('[');
        SkipSpaces();
        List<string> path = ReadKey();
        SkipSpaces();
        Expect(']', "']' at the end of a section name");
        if (isArray) { Expect(']', "']]' at the end of a section name"); }
        TomlTable parent = _root;
        for (int i = 0; i < path.Count - 1; i++) { parent = Descend(parent, path[i], line, column); }
        string name = path[^1];
        _section = isArray ? AppendToTableArray(parent, name, line, column) : OpenTable(parent, name, line, column);
    }

    /// <summary>A parent part of a header: made when missing, entered when it is a table or a list of tables.</summary>
    private static TomlTable Descend(TomlTable parent, string name, int line, int column)
    {
        if (!parent.TryGet(name, out TomlNode? node))
        {
            TomlTable made = new(TomlTableOrigin.Implicit, line, column);
            _ = parent.TryAdd(name, made);
            return made;
        }
        return node switch
        {
            TomlTable { Origin: not TomlTableOrigin.Inline } table => table,
            TomlArray { IsTableArray: true } array => (TomlTable)array.Items[^1],
            _ => throw Fail(line, column, $"'{name}' is {node.KindText} already (line {node.Line}); nothing can be added to it"),
        };
    }

    private static TomlTable OpenTable(TomlTable parent, string name, int line, int column)
    {
        if (!parent.TryGet(name, out TomlNode? node))
        {
            TomlTable made = new(TomlTableOrigin.Header, line, column);
            _ = parent.TryAdd(name, made);
            return made;
        }
        if (node is TomlTable { Origin: TomlTableOrigin.Implicit } table)
        {
            table.Origin = TomlTableOrigin.Header;
            return table;
        }
        throw Fail(line, column, $"'{name}' was defined already in line {node.Line}");
    }

    private static TomlTable AppendToTableArray(TomlTable parent, string name, int line, int column)
    {
        TomlTable made = new(TomlTableOrigin.Header, line, column);
        if (!parent.TryGet(name, out TomlNode? node))
        {
            node = new TomlArray(line, column, isTableArray: true);
            _ = parent.TryAdd(name, node);
        }
        if (node is not TomlArray { IsTableArray: true } array)
        {
            throw Fail(line, column, $"'{name}' was defined already in line {node.Line}, and not as [[{name}]]");
        }
        array.Items.Add(made);
        return made;
    }

    /// <summary>key = value, the key possibly dotted, into <paramref name="target"/>.</summary>
    private void ReadKeyValue(TomlTable target)
    {
        (int line, int column) = Here();
        List<string> path = ReadKey();
        SkipSpaces();
        Expect('=', "'=' after a key");
        SkipSpaces();
        TomlTable table = target;
        for (int i = 0; i < path.Count - 1; i++)
        {
            if (!table.TryGet(path[i], out TomlNode? node))
            {
                node = new TomlTable(TomlTableOrigin.Dotted, line, column);
                _ = table.TryAdd(path[i], node);
            }
            table = node is TomlTable { Origin: TomlTableOrigin.Dotted } dotted ? dotted
                : throw Fail(line, column, $"'{path[i]}' was defined already in line {node.Line}; a dotted key cannot add to it");
        }
        TomlNode value = ReadValue();
        if (!table.TryAdd(path[^1], value))
        {
            _ = table.TryGet(path[^1], out TomlNode? first);
            throw Fail(line, column, $"'{path[^1]}' was defined already in line {first?.Line}");
        }
    }

    /// <summary>A bare, quoted or dotted key.</summary>
    private List<string> ReadKey()
    {
        List<string> parts = [];
        while (true)
        {
            if (parts.Count == TomlLimits.KeyPartsMax) { throw Fail("the key has too many parts"); }
            parts.Add(ReadKeyPart());
            SkipSpaces();
            if (!TryTake('.')) { return parts; }
            SkipSpaces();
        }
    }

    private string ReadKeyPart()
    {
        if (_at < _text.Length && _text[_at] == '"') { return ReadBasicString(); }
        if (_at < _text.Length && _text[_at] == '\'') { return ReadLiteralString(); }
        int start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '-' or '_')) { _at++; }
        return _at > start ? _text[start.._at] : throw Fail("a key was expected");
    }

    private void SkipBlankLines()
    {
        while (true)
        {
            SkipSpaces();
            SkipComment();
            if (!TryTakeNewline()) { return; }
        }
    }

    private void ExpectEndOfLine()
    {
        SkipSpaces();
        SkipComment();
        if (_at < _text.Length && !TryTakeNewline()) { throw Fail("only a comment may follow here on this line"); }
    }

    private void SkipSpaces()
    {
        while (_at < _text.Length && _text[_at] is ' ' or '\t') { _at++; }
    }

    private void SkipComment()
    {
        if (_at >= _text.Length || _text[_at] != '#') { return; }
        while (_at < _text.Length && !AtNewline())
        {
            if (IsForbiddenControl(_text[_at])) { throw Fail("a control character is not allowed in a comment"); }
            _at++;
        }
    }

    private bool AtNewline() => _text[_at] == '\n' || (_text[_at] == '\r' && _at + 1 < _text.Length && _text[_at + 1] == '\n');

    private bool TryTakeNewline()
    {
        if (_at >= _text.Length || !AtNewline()) { return false; }
        _at += _text[_at] == '\n' ? 1 : 2;
        _line++;
        _lineStart = _at;
        return true;
    }

    private bool TryTake(char c)
    {
        if (_at >= _text.Length || _text[_at] != c) { return false; }
        _at++;
        return true;
    }

    private void Expect(char c, string what)
    {
        if (!TryTake(c)) { throw Fail($"{what} was expected"); }
    }

    /// <summary>All control characters but the tab.</summary>
    private static bool IsForbiddenControl(char c) => c is (< ' ' and not '\t') or '\u007f';

    private (int Line, int Column) Here() => (_line, _at - _lineStart + 1);

    private ReaderException Fail(string text) => Fail(_line, _at - _lineStart + 1, text);

    private static ReaderException Fail(int line, int column, string text) => new(new TomlError(line, column, text));

    private sealed class ReaderException(TomlError error) : Exception(error.Text)
    {
        public TomlError Error { get; } = error;
    }
}
