using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary>Starts, watches and stops the processes of a vstart cluster: all of them this very executable.</summary>
internal sealed class VstartServers(VstartDirectory directory)
{
    /// <summary>A server that has not stopped by then is killed.</summary>
    private static readonly TimeSpan StopTimeMax = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, ProcessId> _started = [];

    public bool IsRunning(string server) => ChildProcess.IsAlive(directory.ProcessOf(server));

    /// <summary>Starts a server unless it runs already.</summary>
    /// <returns>Whether it had to be started.</returns>
    public bool Ensure(string server, params string[] arguments)
    {
        if (IsRunning(server)) { return false; }
        Errno error = ChildProcess.TryStart(Executable(), arguments, directory.Log(server), out ProcessId id);
        if (error is not Errno.None) { throw OperatorException.FromErrno(error, $"{server} cannot be started"); }
        directory.SaveProcess(server, id);
        _started[server] = id;
        return true;
    }

    /// <summary>Runs a command to its end; failure shows what it said.</summary>
    public static void Run(string server, params string[] arguments)
    {
        (int code, string _, string error) = Command(arguments);
        if (code != 0) { throw new OperatorException((ExitCode)code, $"{server}: {error.Trim()}"); }
    }

    /// <summary>Runs a command of this executable with its outputs captured.</summary>
    public static (int Code, string Output, string Error) Command(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(Executable(), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        System.Threading.Tasks.Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>Runs a command of this executable with its result captured and its progress on our own terminal.</summary>
    public static (int Code, string Output) Query(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(Executable(), arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    /// <summary>Runs a command of this executable on our own terminal.</summary>
    public static int CommandInForeground(params string[] arguments)
    {
        Console.Out.Flush();
        using Process process = Process.Start(new ProcessStartInfo(Executable(), arguments))!;
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>One line for the operator; a terminal that is gone does not hold up what has to be done.</summary>
    public static void Tell(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (IOException)
        {
            return; // nobody is there to read it
        }
    }

    /// <summary>Says it when one of the servers that we started has died, once; true if so.</summary>
    public bool ReportDeaths()
    {
        bool any = false;
        foreach (string server in new List<string>(_started.Keys))
        {
            string? how = ChildProcess.Reap(_started[server]);
            if (how is null) { continue; }
            _started.Remove(server);
            if (directory.ProcessOf(server) is { Pid: > 0 } current && ChildProcess.IsAlive(current)) { continue; } // replaced meanwhile
            Tell($"{server} ended ({how}); its log says:\n{directory.LogTail(server)}");
            any = true;
        }
        return any;
    }

    /// <summary>Stops everything that has a pid file, front ends first, each group in parallel; kills what does not stop.</summary>
    /// <returns>How many were stopped.</returns>
    public int StopAll()
    {
        int stopped = 0;
        List<string> group = [];
        foreach (string server in directory.Servers())
        {
            if (group.Count > 0 && server[0] != group[0][0])
            {
                stopped += StopGroup(group);
                group.Clear();
            }
            group.Add(server);
        }
        return stopped + StopGroup(group);
    }

    private int StopGroup(List<string> servers)
    {
        int stopped = 0;
        foreach (string server in servers)
        {
            if (ChildProcess.TrySignal(directory.ProcessOf(server), ChildProcess.SIGTERM)) { stopped++; }
        }
        long deadline = Environment.TickCount64 + (long)StopTimeMax.TotalMilliseconds;
        foreach (string server in servers)
        {
            ProcessId id = directory.ProcessOf(server);
            while (ChildProcess.IsAlive(id))
            {
                _ = ChildProcess.Reap(id);
                if (Environment.TickCount64 > deadline)
                {
                    Tell($"{server} did not stop in {StopTimeMax.TotalSeconds:0} s and is killed");
                    _ = ChildProcess.TrySignal(id, ChildProcess.SIGKILL);
                    deadline = Environment.TickCount64 + 1000;
                }
                Thread.Sleep(10);
            }
            _ = ChildProcess.Reap(id);
            directory.ForgetProcess(server);
            _started.Remove(server);
        }
        return stopped;
    }

    /// <summary>Not the link /proc/self/exe itself: in the child it would name the child.</summary>
    private static string Executable() => Environment.ProcessPath
        ?? throw new OperatorException(ExitCode.Failed, "the path of this executable is not known (is /proc mounted?)");
}
