using System;
using System.IO;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Roles.Config;
using Fastblock.Roles.Config.Toml;
using Xunit;

namespace Fastblock.Tests.Unit.Config;

/// <summary>Goal: no bytes make the reader throw, hang or overflow the stack. Method: every truncation, bit flips and
/// random splices of real documents; each must be read, or refused with a place inside the file.</summary>
public sealed class TomlHostileInputTests
{
    [Fact]
    public void Every_truncation_is_read_or_refused()
    {
        byte[] document = File.ReadAllBytes(RepositoryFiles.PathOf("tests", "unit", "Config", "testdata", "valid-types.toml"));
        for (int length = 0; length <= document.Length; length++) { Try(document.AsSpan(0, length)); }
    }

    [Theory]
    [InlineData("valid-types.toml")]
    [InlineData("valid-tables.toml")]
    [InlineData("valid-multiline.toml")]
    public void Flipped_and_spliced_documents_are_read_or_refused(string name)
    {
        byte[] original = File.ReadAllBytes(RepositoryFiles.PathOf("tests", "unit", "Config", "testdata", name));
        Prng prng = new(11);
        for (int round = 0; round < 5_000; round++)
        {
            byte[] bytes = (byte[])original.Clone();
            for (int i = prng.Below(4); i >= 0; i--) { bytes[prng.Below(bytes.Length)] ^= (byte)(1 << prng.Below(8)); }
            int from = prng.Below(bytes.Length), to = prng.Below(bytes.Length), length = prng.Below(Math.Min(30, bytes.Length - Math.Max(from, to)));
            bytes.AsSpan(from, length).CopyTo(bytes.AsSpan(to));
            Try(bytes);
            _ = ConfigReader.Read(bytes);
        }
    }

    [Theory]
    [InlineData("[")]
    [InlineData("a=[")]
    [InlineData("a={b=")]
    [InlineData("a.")]
    [InlineData("[[a]]\n")]
    [InlineData("\"\"\"\"\"")]
    public void Repeated_without_end_it_stays_within_the_stack(string piece)
    {
        StringBuilder text = new();
        while (text.Length < 200_000) { text.Append(piece); }
        Try(Encoding.UTF8.GetBytes(text.ToString()));
    }

    [Fact]
    public void A_file_beyond_the_limit_is_refused()
    {
        Assert.False(TomlReader.TryRead(new byte[TomlLimits.FileBytesMax + 1], out _, out TomlError? error));
        Assert.Contains("larger", error.Text, StringComparison.Ordinal);
    }

    private static void Try(ReadOnlySpan<byte> bytes)
    {
        bool isRead = TomlReader.TryRead(bytes, out TomlTable? document, out TomlError? error);
        Assert.Equal(isRead, document is not null);
        if (!isRead) { Assert.InRange(error!.Line, 1, bytes.Count((byte)'\n') + 1); }
    }
}
