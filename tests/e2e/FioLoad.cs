using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>A verifying fio over an NBD export: writes every 4 KiB block of a range once in random order, then reads all of it
/// and compares the CRC-32C in each. Goes on while a test does harm to the cluster.</summary>
internal sealed class FioLoad : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;
    private readonly string _folder;
    private readonly List<(string Name, long Millis)> _phases = [];

    private FioLoad(Process process, string folder)
    {
        _process = process;
        _folder = folder;
        _output = process.StandardOutput.ReadToEndAsync();
        _error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Still writing or comparing.</summary>
    public bool IsRunning => !_process.HasExited;

    /// <param name="uri">The export.</param>
    /// <param name="writes">How many blocks.</param>
    /// <param name="perSecond">So many at most: the machine belongs to the test's servers, too.</param>
    public static FioLoad Start(string uri, int writes, int perSecond)
    {
        string folder = Directory.CreateTempSubdirectory("fbl").FullName;
        Process process = Shell.Start("fio",
        [
            "--name=load", "--ioengine=nbd", $"--uri={uri}", "--rw=randwrite", "--bs=4k", "--iodepth=8", "--randrepeat=0",
            Text($"--size={writes * 4L}k"), Text($"--rate_iops=,{perSecond}"),
            "--verify=crc32c", "--do_verify=1", "--verify_fatal=1", "--output-format=json",
            $"--write_lat_log={folder}/load", "--log_unix_epoch=1",
        ]);
        return new FioLoad(process, folder);
    }

    /// <summary>From now on the load's writes belong to a part of the test that has a stall of its own in <see cref="Stalls"/>.</summary>
    public void Phase(string name) => _phases.Add((name, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()));

    /// <summary>The slowest write that ended in each phase, in milliseconds; once the load has finished.</summary>
    public IReadOnlyList<(string Name, double Millis)> Stalls()
    {
        double[] slowest = new double[_phases.Count];
        foreach (string line in File.ReadLines($"{_folder}/load_lat.1.log"))
        {
            // Time of the end in ms, latency in ns, direction (1 = write), ...
            string[] fields = line.Split(',', StringSplitOptions.TrimEntries);
            long millis = long.Parse(fields[0], CultureInfo.InvariantCulture);
            int phase = _phases.FindLastIndex(phase => phase.Millis <= millis);
            if (phase < 0 || fields[2] != "1") { continue; }
            slowest[phase] = Math.Max(slowest[phase], double.Parse(fields[1], CultureInfo.InvariantCulture) / 1e6);
        }
        List<(string, double)> result = [];
        for (int i = 0; i < slowest.Length; i++) { result.Add((_phases[i].Name, slowest[i])); }
        return result;
    }

    /// <summary>Waits for the end, requires that not one I/O failed and nothing was read that was not written.</summary>
    /// <returns>Milliseconds that the slowest write took: the longest time in which the cluster did not answer.</returns>
    public double Finish(VstartCluster cluster)
    {
        if (!_process.WaitForExit(TimeSpan.FromMinutes(3)))
        {
            _process.Kill();
            Assert.Fail("fio hangs" + cluster.Logs());
        }
        string output = _output.Result;
        Assert.True(_process.ExitCode == 0, output + _error.Result + cluster.Logs());
        using JsonDocument report = JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]);
        JsonElement job = report.RootElement.GetProperty("jobs")[0];
        Assert.Equal(0, job.GetProperty("error").GetInt32());
        Assert.Equal(job.GetProperty("write").GetProperty("total_ios").GetInt64(), job.GetProperty("read").GetProperty("total_ios").GetInt64());
        return job.GetProperty("write").GetProperty("lat_ns").GetProperty("max").GetDouble() / 1e6;
    }

    public void Dispose()
    {
        if (!_process.HasExited) { _process.Kill(); }
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
