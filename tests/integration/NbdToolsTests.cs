using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Nbd;
using Fastblock.Tests.E2e;
using Fastblock.Tests.Unit.Nbd;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>Other people's NBD clients against the real server over real sockets, with an image in memory.</summary>
[Collection("kernel")]
public sealed class NbdToolsTests : IDisposable
{
    private const int ImageBytes = 64 << 20;
    private readonly TempDirectory _directory = new();
    private readonly BufferPool _buffers = new([(4096, 4096), (65536, 512), (512 * 1024, 128)]);
    private readonly UringEventSource _source;
    private readonly ReactorThread _thread;
    private readonly MemoryImage _image;
    private readonly string _socket;
    private readonly int _port;

    public NbdToolsTests()
    {
        Errno error = UringEventSource.TryCreate(
            BootClock.Instance, _buffers, new UringOptions(), out UringEventSource? source, out string whyNot);
        Assert.True(error == Errno.None, whyNot);
        _source = source!;
        Reactor reactor = new(0, BootClock.Instance, new Prng(1), _source, _buffers);
        _image = new MemoryImage(reactor, ImageBytes);
        NbdServer server = new(reactor);
        _socket = _directory.File("nbd.sock");
        Assert.Equal(Errno.None, server.Listen(StreamAddress.OfUnix(_socket), out _));
        Assert.Equal(Errno.None, server.Listen(StreamAddress.OfInternet(new NetAddress(IPAddress.Loopback, 0)), out StreamAddress bound));
        _port = bound.Internet!.Port;
        server.Open(new NbdExport("vol/demo", _image, readOnly: false));
        _thread = new ReactorThread(reactor, core: null, "nbd-test");
        _thread.Start();
    }

    private string Uri => $"nbd+unix:///vol/demo?socket={_socket}";

    [Fact]
    public void A_client_that_shuts_down_its_side_reads_all_answers_and_then_the_end()
    {
        const int Reads = 200, Length = 65536;
        using Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Loopback, _port);
        List<byte> script = [0, 0, 0, 3]; // fixed newstyle, no zeroes
        byte[] option = new byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(option, NbdWire.IHAVEOPT);
        option[11] = 1; // NBD_OPT_EXPORT_NAME: the transmission follows at once
        option[15] = 8;
        script.AddRange([.. option, .. "vol/demo"u8]);
        for (uint i = 0; i < Reads; i++) { script.AddRange(NbdBench.Command(NbdWire.CMD_READ, i, i * Length, Length)); }
        _ = client.Send(script.ToArray());
        client.Shutdown(SocketShutdown.Send);
        byte[] buffer = new byte[1 << 20];
        long received = 0;
        for (int bytes = 1; bytes > 0; received += bytes) { bytes = client.Receive(buffer); }
        Assert.Equal(18 + 10 + (Reads * (16L + Length)), received);
    }

    [Needs("nbdinfo")]
    public void Nbdinfo_sees_size_and_contexts()
    {
        string info = Tool("nbdinfo", $"\"nbd://127.0.0.1:{_port}/vol/demo\"");
        Assert.Contains("export-size: 67108864", info, StringComparison.Ordinal);
        Assert.Contains("base:allocation", info, StringComparison.Ordinal);
        Assert.Contains("can_multi_conn: true", info, StringComparison.Ordinal);
        Assert.Contains("vol/demo", Tool("nbdinfo", $"--list \"nbd://127.0.0.1:{_port}/\""), StringComparison.Ordinal);
        Assert.Contains("hole,zero", Tool("nbdinfo", $"--map \"{Uri}\""), StringComparison.Ordinal);
    }

    [Needs("nbdcopy")]
    public void Nbdcopy_in_and_out_gives_the_same_bytes()
    {
        string before = _directory.File("before"), after = _directory.File("after");
        byte[] data = new byte[ImageBytes];
        new Random(1).NextBytes(data.AsSpan(0, ImageBytes / 2));
        File.WriteAllBytes(before, data);
        _ = Tool("nbdcopy", $"--connections=4 --requests=32 {before} \"{Uri}\"");
        _ = Tool("nbdcopy", $"--connections=4 \"{Uri}\" {after}");
        Assert.True(data.AsSpan().SequenceEqual(File.ReadAllBytes(after)));
        Assert.True(data.AsSpan().SequenceEqual(_image.Data.AsSpan(0, ImageBytes)));
    }

    [Needs("qemu-img", "qemu-io")]
    public void Qemu_converts_and_compares()
    {
        string before = _directory.File("before");
        byte[] data = new byte[ImageBytes];
        new Random(2).NextBytes(data.AsSpan(0, 5 << 20));
        File.WriteAllBytes(before, data);
        _ = Tool("qemu-img", $"convert -n -f raw -O raw {before} \"{Uri}\"");
        Assert.Contains("identical", Tool("qemu-img", $"compare -f raw -F raw {before} \"{Uri}\""), StringComparison.Ordinal);
        _ = Tool("qemu-io", $"-f raw -c \"write -P 7 512 1536\" -c \"read -P 7 512 1536\" -c \"discard 4096 8192\" -c \"read -P 0 4096 8192\" "
            + $"-c \"write -z 65536 4096\" -c flush \"{Uri}\"");
    }

    [NeedsTheory("fio")]
    [InlineData("--bs=4k --iodepth=32")]
    [InlineData("--bs=512 --iodepth=16")]
    [InlineData("--bsrange=512-64k --blockalign=512 --iodepth=16")]
    [InlineData("--bs=4k --iodepth=8 --numjobs=2 --offset_increment=8m")]
    public void Fio_verifies_what_it_wrote(string options)
    {
        _ = Tool("fio", $"--name=t --ioengine=nbd \"--uri={Uri}\" --rw=randwrite --size=8m --verify=crc32c --verify_fatal=1 "
            + $"--norandommap=0 {options}");
    }

    public void Dispose()
    {
        _thread.Stop();
        _buffers.Dispose();
        _directory.Dispose();
    }

    /// <summary>Runs a tool; it must be there and succeed.</summary>
    private static string Tool(string name, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh")
        {
            ArgumentList = { "-c", $"{name} {arguments} 2>&1" },
            RedirectStandardOutput = true,
        })!;
        using Timer watchdog = new(_ => process.Kill(entireProcessTree: true), null, 60_000, Timeout.Infinite);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{name} {arguments}: exit code {process.ExitCode}\n{output}");
        return output;
    }
}
