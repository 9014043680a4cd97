using System;
using System.IO;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Mistakes that need no cluster: each has its exit code, a message that says what, and changes nothing.</summary>
[Collection(E2eCollection.Name)]
public sealed class BadInputTests
{
    [Theory]
    [InlineData(2, "unknown option '--foo'", "status", "--foo")]
    [InlineData(2, "did you mean 'status'?", "statsu")]
    [InlineData(2, "--timeout", "status", "--timeout", "0")]
    [InlineData(2, "is not an address", "status", "--mon", "nowhere")]
    [InlineData(3, "--size SIZE makes a new file", "osd", "mkfs", "--device", "/nowhere/new.img", "--mon", "127.0.0.1:1")]
    [InlineData(7, "127.0.0.1:1", "status", "--mon", "127.0.0.1:1", "--timeout", "0.5")]
    [InlineData(7, "127.0.0.1:1", "image", "ls", "--mon", "127.0.0.1:1", "--timeout", "0.5")]
    [InlineData(2, "must be more than 0", "image", "create", "vol/x", "--size", "0", "--mon", "127.0.0.1:1")]
    [InlineData(2, "multiple of 512", "image", "create", "vol/x", "--size", "1000", "--mon", "127.0.0.1:1")]
    [InlineData(2, "is not a size", "image", "create", "vol/x", "--size", "ten", "--mon", "127.0.0.1:1")]
    [InlineData(2, "write pool/image", "image", "create", "x", "--size", "1G", "--mon", "127.0.0.1:1")]
    [InlineData(2, "must be 1, 3 or 5", "pool", "create", "p", "--replicas", "2", "--mon", "127.0.0.1:1")]
    [InlineData(2, "must be 1, 3 or 5", "pool", "create", "p", "--replicas", "4", "--mon", "127.0.0.1:1")]
    [InlineData(2, "--rw", "bench", "rw", "vol/x", "--rw", "random", "--mon", "127.0.0.1:1")]
    [InlineData(2, "--bs", "bench", "rw", "vol/x", "--bs", "1000", "--mon", "127.0.0.1:1")]
    [InlineData(2, "does not exist", "status", "--config", "/nowhere/fastblock.toml")]
    [InlineData(2, "--replicas 2", "vstart", "--replicas", "2")]
    [InlineData(2, "must be 1 or 3", "vstart", "--mons", "2")]
    [InlineData(3, "no vstart cluster", "vstart", "stop", "--dir", "/nowhere")]
    public void A_mistake_has_its_exit_code_and_message(int code, string text, params string[] arguments) =>
        Shell.Fastblock(arguments).Refused(code, text);

    [Theory]
    [InlineData("--replicas 5", "--replicas", "5")]
    [InlineData("--replicas 3", "--osds", "1", "--replicas", "3")]
    [InlineData("power of two", "--pgs", "100")]
    [InlineData("fewer shards", "--shards", "64", "--size", "256M")]
    [InlineData("at least 256M", "--size", "1M")]
    public void A_bad_option_of_vstart_leaves_no_folder(string text, params string[] options)
    {
        string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        Shell.Fastblock(["vstart", "--dir", folder, "--nbd-port", "0", .. options]).Refused(2, text);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void A_bad_configuration_is_told_with_line_and_nearest_name()
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, "[osd]\nspin_uss = 3\npoll = \"lazy\"\n");
        CommandResult result = Shell.Fastblock("config", "show", "--config", path);
        File.Delete(path);
        result.Refused(2, ":2:12: unknown key 'spin_uss' in [osd]; did you mean 'spin_us'?");
        Assert.Contains(":3:8:", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_TOML_is_told_with_its_line()
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, "[cluster]\nmons = [\n");
        Shell.Fastblock("status", "--config", path).Refused(2, $"{path}:3:1:");
        File.Delete(path);
    }

    [Fact]
    public void Vstart_refuses_a_folder_with_other_things_in_it()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("fb");
        File.WriteAllText(Path.Combine(folder.FullName, "letter.txt"), "dear");
        Shell.Fastblock("vstart", "--dir", folder.FullName, "--nbd-port", "0").Refused(5, "not empty");
        Assert.Single(Directory.GetFileSystemEntries(folder.FullName));
        folder.Delete(recursive: true);
    }
}
