using System;
using System.Collections.Generic;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Roles.Config;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Vstart;

/// <summary>The folder of a vstart cluster: devices, logs, pid files, the configuration for the command line.</summary>
internal sealed class VstartDirectory
{
    /// <summary>sun_path of unix(7) less its terminating zero.</summary>
    private const int SocketPathBytesMax = 107;

    public VstartDirectory(string path) => Root = Path.GetFullPath(path);

    /// <summary>Absolute.</summary>
    public string Root { get; }

    /// <summary>For `fastblock --config`.</summary>
    public string Config => Path.Combine(Root, "fastblock.toml");

    public string Settings => Path.Combine(Root, "vstart.toml");
    public string LockFile => Path.Combine(Root, "vstart.lock");
    public string NbdSocket => Path.Combine(Root, "nbd.sock");
    public string MonDevice(int id) => Path.Combine(Root, $"mon.{id}.img");
    public string OsdDevice(int index) => Path.Combine(Root, $"osd.{index}.img");
    public string Log(string server) => Path.Combine(Root, "logs", server + ".log");

    public bool HasCluster => File.Exists(Settings);

    /// <summary>Makes the folder; what stands in the way is an operator's mistake. Refuses a folder with other things in it.</summary>
    public void Create()
    {
        if (System.Text.Encoding.UTF8.GetByteCount(NbdSocket) > SocketPathBytesMax)
        {
            throw new OperatorException(ExitCode.Usage, $"--dir {Root}: the path is too long for a unix socket in it (at most {SocketPathBytesMax} bytes)");
        }
        if (File.Exists(Root)) { throw new OperatorException(ExitCode.Usage, $"--dir {Root}: this is a file, not a folder"); }
        try
        {
            bool isNew = !Directory.Exists(Root);
            if (!isNew && !HasCluster && HasForeignEntries())
            {
                throw new OperatorException(ExitCode.WrongState, $"--dir {Root}: the folder is not empty and holds no vstart cluster; choose another or empty it");
            }
            Directory.CreateDirectory(Path.Combine(Root, "logs"));
            Directory.CreateDirectory(Path.Combine(Root, "pids"));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            ExitCode code = failure is UnauthorizedAccessException ? ExitCode.Permission : ExitCode.Failed;
            throw new OperatorException(code, $"--dir {Root}: the folder cannot be made: {failure.Message}");
        }
    }

    /// <summary>What an attempt that ended early left is ours and does no harm.</summary>
    private bool HasForeignEntries() => Array.Exists(Directory.GetFileSystemEntries(Root),
        entry => Path.GetFileName(entry) is not ("logs" or "pids") && entry != LockFile && entry != Unfinished(Settings));

    /// <summary>Name of a file of the folder until it is complete.</summary>
    public static string Unfinished(string path) => path + ".new";

    /// <summary>Replaces a file as a whole: after a kill or a power cut it is the old one or the new one.</summary>
    public static void Write(string path, string text)
    {
        string unfinished = Unfinished(path);
        using (FileStream file = File.Create(unfinished))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        Rename(unfinished, path);
    }

    /// <summary>Gives a complete file its name, durably: a rename is the folder's, and only the folder's fsync keeps it.</summary>
    public static void Rename(string unfinished, string path)
    {
        File.Move(unfinished, path, overwrite: true);
        Errno error = UringFile.SyncDirectoryOf(path);
        if (error != Errno.None) { throw OperatorException.FromErrno(error, $"{path}: the folder cannot be synced"); }
    }

    /// <summary>Deletes everything that vstart made; only called when no server runs.</summary>
    public void Wipe()
    {
        foreach (string pattern in (string[])["mon.*.img", "osd.*.img", "*.new", "vstart.toml", "fastblock.toml", "cluster.uuid", "nbd.sock"])
        {
            foreach (string file in Directory.GetFiles(Root, pattern)) { File.Delete(file); }
        }
        foreach (string server in Servers()) { ForgetProcess(server); } // of servers that were killed
    }

    /// <summary>Process of a server by its pid file; default when it has none. It need not be alive.</summary>
    public ProcessId ProcessOf(string server)
    {
        string path = PidFile(server);
        return File.Exists(path) && ProcessId.TryParse(File.ReadAllText(path), out ProcessId id) ? id : default;
    }

    public void SaveProcess(string server, ProcessId id) => File.WriteAllText(PidFile(server), id + "\n");

    public void ForgetProcess(string server) => File.Delete(PidFile(server));

    /// <summary>All servers with a pid file, in the order in which they are stopped: front ends, OSDs, monitors.</summary>
    public List<string> Servers()
    {
        List<string> servers = [];
        string pids = Path.Combine(Root, "pids");
        if (!Directory.Exists(pids)) { return servers; }
        foreach (string file in Directory.GetFiles(pids, "*.pid")) { servers.Add(Path.GetFileNameWithoutExtension(file)); }
        servers.Sort((a, b) => Rank(a) != Rank(b) ? Rank(a) - Rank(b) : string.CompareOrdinal(a, b));
        return servers;
    }

    /// <summary>The end of a server's log, for an error message.</summary>
    public string LogTail(string server)
    {
        if (!File.Exists(Log(server))) { return "  (no log)"; }
        string[] lines = File.ReadAllLines(Log(server));
        return "  " + string.Join("\n  ", lines[Math.Max(0, lines.Length - 5)..]);
    }

    private static int Rank(string server) => server.StartsWith("mon", StringComparison.Ordinal) ? 2
        : server.StartsWith("osd", StringComparison.Ordinal) ? 1 : 0;

    private string PidFile(string server) => Path.Combine(Root, "pids", server + ".pid");
}
