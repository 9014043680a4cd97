using System;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using Fastblock.Native.Linux;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Goal: nothing of a dead or hung owner of an image lands after the next owner has read. Method: an NBD server is
/// killed, or stopped and later continued, with dozens of writes under way; another one takes the image over and reads it
/// twice, with time for stragglers in between.</summary>
[Collection(E2eCollection.Name)]
public sealed class TakeOverTests
{
    private const string Image = "vol/owned";

    [Needs("fio", "nbdcopy")]
    public void Nothing_of_a_killed_writer_lands_after_the_next_has_read()
    {
        using VstartCluster cluster = NewCluster();
        using NbdServerProcess first = NbdServerProcess.Start(cluster, Image);
        using Process load = StartWriting(first);
        first.Process.Kill();
        using NbdServerProcess second = NbdServerProcess.Start(cluster, Image, "--take-over");
        RequireNothingLands(second);
        _ = load.WaitForExit(60_000);
        cluster.RequireEqualReplicas();
    }

    [Needs("fio", "nbdcopy")]
    public void Nothing_of_a_hung_writer_lands_when_it_wakes_up_after_a_take_over()
    {
        using VstartCluster cluster = NewCluster();
        using NbdServerProcess first = NbdServerProcess.Start(cluster, Image);
        using Process load = StartWriting(first);
        // Refused without --take-over: the owner lives.
        cluster.Cli("nbd", Image, "--listen", first.Socket + "2", "--timeout", "5").Refused(5, "--take-over");
        Assert.False(load.HasExited);
        _ = Libc.kill(first.Process.Id, Faults.SIGSTOP);
        using NbdServerProcess second = NbdServerProcess.Start(cluster, Image, "--take-over");
        string before = second.Digest();
        _ = Libc.kill(first.Process.Id, Faults.SIGCONT);
        Shell.Until("the fenced writer's client to get errors", () => load.HasExited);
        Assert.NotEqual(0, load.ExitCode);
        Assert.Equal(before, second.Digest());
        cluster.RequireEqualReplicas();
    }

    [Fact]
    public void An_idle_owner_notices_that_it_was_replaced_and_ends()
    {
        using VstartCluster cluster = NewCluster();
        using NbdServerProcess first = NbdServerProcess.Start(cluster, Image);
        using NbdServerProcess second = NbdServerProcess.Start(cluster, Image, "--take-over");
        Shell.Until("the first owner to end", () => first.Process.HasExited);
        Assert.Equal(5, first.Process.ExitCode);
        Assert.Contains("another client owns the image now", first.Said, StringComparison.Ordinal);
        Assert.False(second.Process.HasExited);
    }

    /// <summary>A client that holds its connection and does not look at it, as an idle virtual machine does.</summary>
    [Fact]
    public void A_server_that_is_told_to_stop_gives_the_image_back_whatever_its_clients_do()
    {
        using VstartCluster cluster = NewCluster();
        using NbdServerProcess first = NbdServerProcess.Start(cluster, Image);
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(first.Socket));
        byte[] bytes = new byte[28];
        Assert.Equal(18, client.Receive(bytes)); // the greeting
        _ = client.Send([0, 0, 0, 3, .. "IHAVEOPT"u8, 0, 0, 0, 1, 0, 0, 0, (byte)Image.Length, .. Encoding.ASCII.GetBytes(Image)]);
        Assert.Equal(10, client.Receive(bytes)); // size and flags: the transmission has begun
        _ = Libc.kill(first.Process.Id, ChildProcess.SIGTERM);
        Shell.Until("the server to end", () => first.Process.HasExited);
        Assert.True(first.Process.ExitCode == 0, first.Said);
        Assert.Equal(0, client.Receive(bytes));
        using NbdServerProcess second = NbdServerProcess.Start(cluster, Image); // no --take-over: nobody owns it
        Assert.False(second.Process.HasExited);
    }

    private static VstartCluster NewCluster()
    {
        VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "8");
        cluster.Cli("image", "create", Image, "--size", "32M").Ok();
        return cluster;
    }

    /// <summary>fio, many writes in flight, each block different each time; returns when it is well under way.</summary>
    private static Process StartWriting(NbdServerProcess server)
    {
        Process load = Shell.Start("fio",
        [
            "--name=w", "--ioengine=nbd", $"--uri={server.Uri}", "--rw=randwrite", "--bs=4k", "--iodepth=32", "--size=32m",
            "--time_based", "--runtime=60", "--randrepeat=0", "--refill_buffers", "--output-format=terse",
        ]);
        _ = load.StandardOutput.ReadToEndAsync();
        _ = load.StandardError.ReadToEndAsync();
        Shell.Until("some writes", () => Allocated(server) > 4 << 20);
        return load;
    }

    private static long Allocated(NbdServerProcess server)
    {
        CommandResult map = Shell.Run("nbdinfo", "--map", "--totals", server.Uri);
        foreach (string line in map.Output.Split('\n'))
        {
            if (line.EndsWith(" data", StringComparison.Ordinal)) { return long.Parse(line.Trim().Split(' ')[0], CultureInfo.InvariantCulture); }
        }
        return 0;
    }

    private static void RequireNothingLands(NbdServerProcess server)
    {
        string first = server.Digest();
        Thread.Sleep(1500); // longer than anything on its way could take on a network that works
        Assert.Equal(first, server.Digest());
    }
}
