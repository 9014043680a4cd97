using System;
using System.Diagnostics;
using System.IO;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>A `fastblock nbd` of the test's own, on a unix socket.</summary>
internal sealed class NbdServerProcess : IDisposable
{
    private readonly Process _process;
    private readonly string _folder;
    private readonly System.Threading.Tasks.Task<string> _error;

    private NbdServerProcess(Process process, string folder, string image)
    {
        _process = process;
        _folder = folder;
        _error = process.StandardError.ReadToEndAsync();
        Uri = $"nbd+unix:///{image}?socket={folder}/s";
    }

    public string Uri { get; }
    public string Socket => Path.Combine(_folder, "s");
    public Process Process => _process;

    /// <summary>What it has written to stderr; once it has ended.</summary>
    public string Said => _error.Result;

    public static NbdServerProcess Start(VstartCluster cluster, string image, params string[] options)
    {
        string folder = Directory.CreateTempSubdirectory("fbn").FullName;
        string[] command = cluster.At("client",
            [Binary.Path, "nbd", image, "--listen", Path.Combine(folder, "s"), "--config", Path.Combine(cluster.Root, "fastblock.toml"), .. options]);
        Process process = Shell.Start(command[0], command[1..]);
        NbdServerProcess server = new(process, folder, image);
        Shell.Until($"the export of {image}", () => process.HasExited || File.Exists(server.Socket));
        Assert.False(process.HasExited, process.HasExited ? server._error.Result : "");
        return server;
    }

    /// <summary>sha256 of the whole export.</summary>
    public string Digest()
    {
        CommandResult result = Shell.Run("sh", "-c", $"nbdcopy '{Uri}' - | sha256sum").Ok();
        return result.Output.Split(' ')[0];
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _ = Native.Linux.Libc.kill(_process.Id, Native.Linux.ChildProcess.SIGTERM);
            if (!_process.WaitForExit(10_000)) { _process.Kill(); }
        }
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
