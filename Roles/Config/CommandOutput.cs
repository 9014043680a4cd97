using System;
using System.Buffers;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fastblock.Roles.Config;

/// <summary>A command's result on stdout: as one JSON document with --json, else as text. Everything else (progress,
/// warnings, errors) goes to stderr, so that stdout can be piped.</summary>
internal static class CommandOutput
{
    // The output goes to programs and terminals, never into a page: quotes and letters stay what they are.
    private static readonly JsonWriterOptions JsonOptions = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Prints whichever form is wanted.</summary>
    public static void Print(bool asJson, Action<Utf8JsonWriter> json, Action<TextWriter> text)
    {
        if (asJson) { PrintJson(json); }
        else { text(Console.Out); }
        Console.Out.Flush();
    }

    private static void PrintJson(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, JsonOptions)) { write(writer); }
        using Stream stdout = Console.OpenStandardOutput();
        stdout.Write(buffer.WrittenSpan);
        stdout.WriteByte((byte)'\n');
    }
}
