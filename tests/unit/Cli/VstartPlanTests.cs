using System;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Roles.Config;
using Fastblock.Roles.Vstart;
using Xunit;

namespace Fastblock.Tests.Unit.Cli;

public sealed class VstartPlanTests
{
    [Fact]
    public void A_plan_that_cannot_be_is_refused_before_the_folder_is_made()
    {
        VstartDirectory directory = new(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()));
        VstartOptions options = new() { Directory = directory.Root };
        foreach (VstartOptions bad in (VstartOptions[])[options with { Replicas = 5 }, options with { Osds = 1, Replicas = 3 },
            options with { Shards = 64, SizeBytes = 256 * Units.MiB }])
        {
            OperatorException refused = Assert.Throws<OperatorException>(() => VstartPlan.Decide(bad, directory, isRunning: false));
            Assert.Equal(ExitCode.Usage, refused.Code);
        }
        Assert.Empty(VstartPlan.Decide(options, directory, isRunning: false).MonAddresses);
        Assert.False(Directory.Exists(directory.Root));
    }

    [Fact]
    public void Another_size_is_refused_by_a_cluster_that_exists_and_changes_nothing()
    {
        VstartDirectory directory = new(Directory.CreateTempSubdirectory("fb").FullName);
        VstartOptions options = new() { Directory = directory.Root, SizeBytes = Units.GiB };
        using FreePorts ports = new();
        VstartSettings made = VstartPlan.Save(VstartPlan.Decide(options, directory, isRunning: false), 1, directory, ports);
        string before = File.ReadAllText(directory.Settings);
        Assert.Equal(made.MonAddresses, VstartPlan.Decide(options, directory, isRunning: false).MonAddresses);
        OperatorException refused = Assert.Throws<OperatorException>(
            () => VstartPlan.Decide(options with { SizeBytes = 2 * Units.GiB }, directory, isRunning: false));
        Assert.Equal(ExitCode.WrongState, refused.Code);
        Assert.Contains("1G", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(directory.Settings));
        Assert.Equal(2, Directory.GetFiles(directory.Root).Length);
        Directory.Delete(directory.Root, recursive: true);
    }

    [Fact]
    public void A_memory_cluster_that_was_stopped_keeps_its_settings_but_for_what_is_asked_for_now()
    {
        VstartDirectory directory = new(Directory.CreateTempSubdirectory("fb").FullName);
        VstartOptions plain = new() { Directory = directory.Root };
        VstartOptions options = plain with { InMemory = true, SizeBytes = Units.GiB, Pgs = 128, Osds = 5, Shards = 2 };
        directory.Create();
        using FreePorts ports = new();
        _ = VstartPlan.Save(VstartPlan.Decide(options, directory, isRunning: false), 3, directory, ports);
        directory.SaveProcess("osd.0", new ProcessId(1, 1)); // killed, not stopped
        VstartSettings again = VstartPlan.Save(VstartPlan.Decide(plain, directory, isRunning: false), null, directory, ports);
        Assert.Equal((5, 3, 128, 2, Units.GiB, true), (again.Osds, again.Replicas, again.Pgs, again.Shards, again.SizeBytes, again.InMemory));
        Assert.Equal(3, again.MonAddresses.Count);
        Assert.Empty(directory.Servers());
        VstartSettings other = VstartPlan.Decide(plain with { Osds = 1, Pgs = 8 }, directory, isRunning: false);
        Assert.Equal((1, 1, 8, 2, true), (other.Osds, other.Replicas, other.Pgs, other.Shards, other.InMemory));
        Directory.Delete(directory.Root, recursive: true);
    }

    [Fact]
    public void A_first_start_that_was_cut_short_does_not_make_the_folder_foreign()
    {
        VstartDirectory directory = new(Directory.CreateTempSubdirectory("fb").FullName);
        File.WriteAllText(VstartDirectory.Unfinished(directory.Settings), "osds = ");
        directory.Create();
        using FreePorts ports = new();
        _ = VstartPlan.Save(VstartPlan.Decide(new VstartOptions { Directory = directory.Root }, directory, isRunning: false), 1, directory, ports);
        Assert.Equal(VstartOptions.OsdsDefault, VstartSettings.Load(directory.Settings).Osds);
        Assert.False(File.Exists(VstartDirectory.Unfinished(directory.Settings)));
        Directory.Delete(directory.Root, recursive: true);
    }
}
