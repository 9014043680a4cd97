using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Text;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Goal: a full device costs a client an ENOSPC and nothing else. Method: fill small devices one MiB after the other,
/// each with its own byte, until writes are refused; all that was accepted must be readable, a trim must make room, and writes
/// must work again.</summary>
[Collection(E2eCollection.Name)]
public sealed class FullDeviceTests
{
    private const int ImageMib = 288;

    [Needs("qemu-io")]
    public void When_all_replicas_are_full_writes_get_ENOSPC_and_work_again_after_a_trim()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "4");
        FillTrimAndGoOn(cluster, "vol/full");
    }

    [Needs("qemu-io")]
    public void One_full_replica_of_three_is_enough_for_ENOSPC()
    {
        using VstartCluster cluster = ThreeOsds.WithLastOf(size: "128M");
        FillTrimAndGoOn(cluster, $"{ThreeOsds.Pool}/full");
    }

    [Needs("qemu-io")]
    public void Removing_an_image_makes_room_for_another()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "4");
        cluster.Cli("image", "create", "vol/first", "--size", $"{ImageMib}M").Ok();
        int fitted;
        using (NbdServerProcess server = NbdServerProcess.Start(cluster, "vol/first"))
        {
            fitted = Fill(cluster, server).Count;
        }
        cluster.Cli("image", "rm", "vol/first").Ok();
        cluster.Cli("image", "create", "vol/second", "--size", $"{ImageMib}M").Ok();
        using NbdServerProcess next = NbdServerProcess.Start(cluster, "vol/second");
        Shell.Until("the room of the removed image", () => Write(next, 0, 77));
        Assert.InRange(Fill(cluster, next).Count, fitted / 2, ImageMib);
    }

    private static void FillTrimAndGoOn(VstartCluster cluster, string image)
    {
        cluster.Cli("image", "create", image, "--size", $"{ImageMib}M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(cluster, image);
        SortedSet<int> written = Fill(cluster, server);
        Assert.InRange(written.Count, 16, ImageMib - 16);
        RequireContents(cluster, server, written);
        Shell.Until("the monitors to say that an OSD is full", () => cluster.HealthCodes().Contains("OSD_FULL"));

        // Every second object (4 MiB) goes: more than the reserve that keeps the device usable.
        for (int at = 0; at < ImageMib; at += 8)
        {
            Assert.True(Io(server, $"discard {at}M 4M").Code == 0);
            for (int i = at; i < at + 4; i++) { _ = written.Remove(i); }
        }
        Shell.Until("the trimmed room", () => Write(server, 0, Stamp(0)));
        written.Add(0);
        Shell.Until("the monitors to see the room", () => !cluster.HealthCodes().Contains("OSD_FULL"));
        for (int at = 1; at < 4; at++)
        {
            Assert.True(Write(server, at, Stamp(at)), $"MiB {at}");
            written.Add(at);
        }
        RequireContents(cluster, server, written);
        cluster.RequireEqualReplicas();
    }

    /// <summary>Writes MiB after MiB until several in a row were refused: PGs lie on the same devices, but fill in turns.</summary>
    /// <returns>Those that were accepted whole.</returns>
    private static SortedSet<int> Fill(VstartCluster cluster, NbdServerProcess server)
    {
        const int Batch = 8;
        SortedSet<int> written = [];
        bool refused = false;
        for (int at = 0; at < ImageMib && !refused; at += Batch)
        {
            StringBuilder script = new();
            for (int i = at; i < at + Batch; i++) { script.Append($"write -P {Stamp(i)} {i}M 1M\n"); }
            Stopwatch watch = Stopwatch.StartNew();
            string said = Script(server, script).Output;
            Assert.True(watch.Elapsed.TotalSeconds < 30, $"writes took {watch.Elapsed} to be answered" + cluster.Logs());
            refused = true;
            for (int i = at; i < at + Batch; i++)
            {
                if (!said.Contains($"wrote 1048576/1048576 bytes at offset {(long)i << 20}\n", StringComparison.Ordinal)) { continue; }
                written.Add(i);
                refused = false;
            }
            if (said.Contains("failed", StringComparison.Ordinal)) { Assert.Contains("No space left on device", said, StringComparison.Ordinal); }
        }
        Assert.True(refused, "the device never became full");
        return written;
    }

    private static void RequireContents(VstartCluster cluster, NbdServerProcess server, SortedSet<int> written)
    {
        StringBuilder script = new();
        foreach (int at in written) { script.Append($"read -P {Stamp(at)} {at}M 1M\n"); }
        CommandResult result = Script(server, script);
        Assert.True(result.Code == 0 && !result.Output.Contains("verification failed", StringComparison.Ordinal)
            && !result.Output.Contains("read failed", StringComparison.Ordinal), result.Output + result.Error + cluster.Logs());
    }

    private static bool Write(NbdServerProcess server, int at, int stamp) => Io(server, $"write -P {stamp} {at}M 1M").Code == 0;

    private static CommandResult Io(NbdServerProcess server, string command) => Shell.Run("qemu-io", "-f", "raw", server.Uri, "-c", command);

    private static CommandResult Script(NbdServerProcess server, StringBuilder commands)
    {
        using Process process = Shell.Start("qemu-io", ["-f", "raw", server.Uri]);
        process.StandardInput.Write(commands);
        return Shell.Finish(process, "qemu-io", ["script"]);
    }

    private static int Stamp(int at) => (at % 250) + 1;
}
