using System;
using System.Collections.Generic;
using Fastblock.Tests.Unit.Config;

namespace Fastblock.Tests.E2e;

/// <summary>A network of its own for a test: a namespace per node, in which packets can be made to vanish one way or both.
/// tests/soak/netlab.sh does the work and says why it is done so. What a killed run left is removed by the next one.</summary>
internal sealed class NetLab : IDisposable
{
    private static readonly string Script = RepositoryFiles.PathOf("tests", "soak", "netlab.sh");

    private readonly string _name;
    private readonly string[] _nodes;

    private NetLab(string name, string[] nodes)
    {
        _name = name;
        _nodes = nodes;
    }

    /// <exception cref="CannotRunHereException">Not root, or a kernel without what it needs.</exception>
    public static NetLab Create(string[] nodes)
    {
        if (!Environment.IsPrivilegedProcess) { throw new CannotRunHereException("network namespaces need root"); }
        CommandResult made = Shell.Run("sh", [Script, "up", $"{Environment.ProcessId}", .. nodes]);
        if (made.Code == 0) { return new NetLab(made.Output.Trim(), nodes); }
        _ = Shell.Run("sh", Script, "sweep");
        throw new CannotRunHereException($"no network namespaces here: {made.Error.Trim()}");
    }

    public string AddressOf(string node) => $"10.77.0.{Array.IndexOf(_nodes, node) + 1}";

    /// <summary>Begins the command line of a program that is to run on a node.</summary>
    public string[] Enter(string node) => ["/usr/bin/nsenter", $"--net=/run/netns/{_name}-{node}"];

    /// <summary>What one node sends to each of the others vanishes.</summary>
    public void Drop(string from, IEnumerable<string> to)
    {
        foreach (string node in to) { Shell.Run("sh", Script, "drop", _name, from, node).Ok(); }
    }

    /// <summary>What each of the others sends to one node vanishes.</summary>
    public void Drop(IEnumerable<string> from, string to)
    {
        foreach (string node in from) { Shell.Run("sh", Script, "drop", _name, node, to).Ok(); }
    }

    public void Cut(string node, IEnumerable<string> others)
    {
        Drop(node, others);
        Drop(others, node);
    }

    public void Heal() => Shell.Run("sh", Script, "heal", _name).Ok();

    public void Dispose() => Shell.Run("sh", Script, "down", _name).Ok();
}
