using System;
using System.IO;
using Fastblock.Roles.Config;
using Fastblock.Roles.Vstart;
using Xunit;

namespace Fastblock.Tests.Unit.Cli;

/// <summary>Goal: only a lock that is held counts as held. Method: two takers of one file, and a file that cannot be one.</summary>
public sealed class VstartLockTests
{
    [Fact]
    public void A_held_lock_is_waited_for_and_what_cannot_be_locked_is_told_at_once()
    {
        string folder = Directory.CreateTempSubdirectory("fb").FullName;
        string path = Path.Combine(folder, "lock");
        using (VstartLock.Take(path, TimeSpan.Zero, _ => Assert.Fail("nobody holds it")))
        {
            OperatorException held = Assert.Throws<OperatorException>(() => VstartLock.Take(path, TimeSpan.Zero, _ => { }));
            Assert.Equal(ExitCode.WrongState, held.Code);
        }
        VstartLock.Take(path, TimeSpan.Zero, _ => Assert.Fail("it was given up")).Dispose();
        OperatorException other = Assert.Throws<OperatorException>(() => VstartLock.Take(folder, TimeSpan.Zero, _ => Assert.Fail("nobody to wait for")));
        Assert.Contains("cannot be locked", other.Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }
}
