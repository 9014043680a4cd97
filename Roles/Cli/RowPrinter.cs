using System;
using System.IO;
using System.Text.Json;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Cli;

/// <summary>Prints what offline readers find as it comes: a log may have millions of rows. Text: a line each; JSON: one list.</summary>
internal sealed class RowPrinter : IDisposable
{
    private const int FlushBytes = 64 << 10;

    private readonly Stream _stdout = Console.OpenStandardOutput();
    private readonly Utf8JsonWriter? _json;
    private readonly StreamWriter? _text;

    public RowPrinter(bool asJson)
    {
        if (!asJson)
        {
            _text = new StreamWriter(_stdout) { NewLine = "\n" };
            return;
        }
        _json = new Utf8JsonWriter(_stdout);
        _json.WriteStartArray();
    }

    /// <summary>Rows of kind "problem" so far.</summary>
    public int Problems { get; private set; }

    public void Print(InspectRow row)
    {
        if (row.Kind == "problem") { Problems++; }
        _text?.WriteLine(row.ToString());
        if (_json is null) { return; }
        _json.WriteStartObject();
        _json.WriteString("kind", row.Kind);
        for (int i = 0; i < row.Fields.Count; i++)
        {
            (string name, string value) = row.Fields[i];
            _json.WritePropertyName(name);
            if (row.IsNumber(i)) { _json.WriteRawValue(value, skipInputValidation: true); } else { _json.WriteStringValue(value); }
        }
        _json.WriteEndObject();
        if (_json.BytesPending > FlushBytes) { _json.Flush(); }
    }

    /// <summary>A row of a reader that makes its own text.</summary>
    public void Print(string kind, string text) => Print(new InspectRow(kind).With("text", text));

    public void Dispose()
    {
        _text?.Dispose();
        if (_json is null) { return; }
        _json.WriteEndArray();
        _json.Flush();
        _json.Dispose();
        _stdout.WriteByte((byte)'\n');
    }
}
