using System;
using System.Globalization;
using System.Text.RegularExpressions;
using Fastblock.Native.IoUring;
using Fastblock.Tests.Unit.Config;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>The published executable on the oldest kernel that it supports, in a guest under software emulation.</summary>
[Collection(E2eCollection.Name)]
public sealed class KernelGuestTests
{
    /// <summary>As guest.sh says it: most often, no 6.1 kernel can be had.</summary>
    private const int NotPossibleHere = 77;

    /// <summary>Goal: nothing that is newer than Linux 6.1 is needed. Method: guest.sh starts a whole cluster there, on a
    /// file system with O_DIRECT, runs a verified benchmark and stops it; the OSDs' log says what the ring fell back to.</summary>
    [Needs("qemu-system-x86_64", "busybox", "cpio", "mkfs.ext4")]
    public void A_cluster_works_in_a_kernel_6_1_guest()
    {
        CommandResult result = Shell.Run("bash", RepositoryFiles.PathOf("tests", "e2e", "guest", "guest.sh"), Binary.Path);
        if (result.Code == NotPossibleHere) { throw new CannotRunHereException(result.Error.Trim()); }
        string text = result.Ok().Output;
        Assert.Matches("(?m)^guest: kernel 6\\.1\\.", text);
        foreach (string step in (string[])["vstart", "bench", "stop"])
        {
            Assert.True(text.Contains($"guest: {step} exit 0", StringComparison.Ordinal), $"{step}\n{text}");
        }
        Match verified = Regex.Match(text, "\"verified_blocks\": ([0-9]+)");
        Assert.True(verified.Success && int.Parse(verified.Groups[1].Value, CultureInfo.InvariantCulture) > 0, text);

        MatchCollection rings = Regex.Matches(text, "device by O_DIRECT; io_uring with (.*)");
        Assert.Equal(3, rings.Count);
        foreach (Match ring in rings)
        {
            Assert.Contains(nameof(UringSetup.DeferTaskrun), ring.Value, StringComparison.Ordinal);
            Assert.DoesNotContain(nameof(UringSetup.NoSqArray), ring.Value, StringComparison.Ordinal); // 6.6
        }
    }
}
