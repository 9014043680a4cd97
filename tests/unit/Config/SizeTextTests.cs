using Fastblock.Native.Base;
using Fastblock.Roles.Config;
using Xunit;

namespace Fastblock.Tests.Unit.Config;

public sealed class SizeTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("512", 512)]
    [InlineData("4k", 4096)]
    [InlineData("4K", 4096)]
    [InlineData("4KiB", 4096)]
    [InlineData("4kb", 4096)]
    [InlineData("1.5G", 1610612736)]
    [InlineData("10G", 10737418240)]
    [InlineData("2T", 2199023255552)]
    [InlineData(" 1 ", 1)]
    public void Sizes_are_read_as_operators_write_them(string text, long bytes)
    {
        Assert.True(SizeText.TryParse(text, out long parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("G")]
    [InlineData("-1")]
    [InlineData("1X")]
    [InlineData("1.0001")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999T")]
    [InlineData("1e3")]
    [InlineData("1,5G")]
    [InlineData("99999999999999999999999999999999999999")]
    public void What_is_no_size_is_refused(string text) => Assert.False(SizeText.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1 KiB")]
    [InlineData(1610612736, "1.5 GiB")]
    [InlineData(1073741823, "1 GiB")]
    public void Tables_show_short_sizes(long bytes, string text) => Assert.Equal(text, SizeText.Format(bytes));

    [Fact]
    public void Exact_texts_are_read_back_to_the_same_number()
    {
        Prng prng = new(3);
        for (int i = 0; i < 1000; i++)
        {
            long bytes = (long)(prng.Next() >> 1) >> prng.Below(60);
            Assert.True(SizeText.TryParse(SizeText.FormatExact(bytes), out long parsed), SizeText.FormatExact(bytes));
            Assert.Equal(bytes, parsed);
        }
    }
}
