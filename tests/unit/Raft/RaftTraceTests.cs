using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>Step traces: each file in testdata holds commands, and indented under each of them everything that it caused. With
/// FASTBLOCK_REWRITE=1 the files are written anew; the difference is for review.
/// <code>
///   group VOTERS [PREFERRED]   tick NODE   time MILLIS   sync NODE [COUNT]   flush NODE   deliver [COUNT]   drop [COUNT]
///   propose NODE VALUE   read NODE   transfer NODE TO   crash NODE KEPT   start NODE   full NODE on|off   run MILLIS   state
/// </code></summary>
public sealed class RaftTraceTests
{
    public static TheoryData<string> Files()
    {
        TheoryData<string> files = new();
        string[] paths = Directory.GetFiles(Folder(), "*.txt");
        Array.Sort(paths, StringComparer.Ordinal);
        foreach (string path in paths) { files.Add(Path.GetFileName(path)); }
        return files;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_trace_is_as_written(string file)
    {
        string path = Path.Combine(Folder(), file);
        string expected = File.ReadAllText(path);
        string actual = Play(expected.Split('\n'));
        if (Environment.GetEnvironmentVariable("FASTBLOCK_REWRITE") == "1")
        {
            File.WriteAllText(path, actual);
            return;
        }
        Assert.Equal(expected, actual);
    }

    private static string Play(string[] lines)
    {
        StringBuilder trace = new();
        RaftNet net = new(1, 1);
        foreach (string line in lines)
        {
            if (line.StartsWith("    ", StringComparison.Ordinal)) { continue; }
            trace.Append(line).Append('\n');
            if (line.Length == 0 || line[0] == '#') { continue; }
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "group")
            {
                net = new RaftNet(1, Number(words, 1), preferred: words.Length > 2 ? (uint)Number(words, 2) : uint.MaxValue) { Trace = trace };
                net.StartAll();
                continue;
            }
            Command(net, words, trace);
        }
        return trace.ToString()[..^1]; // the last line end was the file's
    }

    private static void Command(RaftNet net, string[] words, StringBuilder trace)
    {
        RaftPeer? peer = words.Length > 1 && Number(words, 1) < net.Peers.Count ? net.Peers[Number(words, 1)] : null;
        switch (words[0])
        {
            case "tick":
                net.Now = Math.Max(net.Now, peer!.Node.DeadlineNanos);
                peer.Tick();
                break;
            case "time": net.Now += Number(words, 1) * RaftNet.Milli; break;
            case "sync": peer!.Sync(words.Length > 2 ? Number(words, 2) : int.MaxValue); break;
            case "flush": peer!.Flush(); break;
            case "deliver": Deliver(net, words.Length > 1 ? Number(words, 1) : net.Letters.Count); break;
            case "drop": net.Letters.RemoveRange(0, words.Length > 1 ? Number(words, 1) : net.Letters.Count); break;
            case "propose": trace.Append(peer!.Propose((ulong)Number(words, 2)) ? "" : "    refused\n"); break;
            case "read": _ = peer!.ReadIndex(1); break;
            case "transfer": trace.Append("    ").Append(peer!.Transfer(net.Peers[Number(words, 2)].Id)).Append('\n'); break;
            case "crash": peer!.Crash(Number(words, 2)); break;
            case "start": peer!.Start(); break;
            case "full": peer!.IsFull = words[2] == "on"; break;
            case "run": net.Run(Number(words, 1)); break;
            case "state": State(net, trace); break;
            default: Assert.Fail($"unknown command: {words[0]}"); break;
        }
    }

    private static void Deliver(RaftNet net, int count)
    {
        for (; count > 0; count--) { net.Deliver(0); }
    }

    private static void State(RaftNet net, StringBuilder trace)
    {
        foreach (RaftPeer peer in net.Peers)
        {
            if (!peer.IsUp)
            {
                trace.Append($"    {peer.Id} down\n");
                continue;
            }
            RaftNode node = peer.Node;
            string terms = "";
            foreach (RaftEntry entry in peer.Log) { terms += $" {entry.Term}{(entry.Kind == EntryKind.NoOp ? "n" : "")}"; }
            trace.Append(CultureInfo.InvariantCulture,
                $"    {peer.Id} {node.Role} t{node.Term} vote {node.Vote} leader {node.Leader} commit {node.Commit} durable {node.Durable} log [{terms.Trim()}]");
            trace.Append(peer.Reads.Count > 0 ? $" reads {Describe(peer.Reads)}\n" : "\n");
        }
    }

    private static string Describe(List<ReadOutcome> reads)
    {
        string text = "";
        foreach (ReadOutcome read in reads) { text += read.Confirmed ? $"ok@{read.Index} " : "no "; }
        return text.Trim();
    }

    private static int Number(string[] words, int at) => int.Parse(words[at], CultureInfo.InvariantCulture);

    /// <summary>The files in the source tree, so that they can be rewritten; without one (a copied test binary), those beside it.</summary>
    private static string Folder()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at != null; at = at.Parent)
        {
            string source = Path.Combine(at.FullName, "tests/unit/Raft/testdata");
            if (Directory.Exists(source)) { return source; }
        }
        return Path.Combine(AppContext.BaseDirectory, "unit/Raft/testdata");
    }
}
