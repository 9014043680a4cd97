using Fastblock.Native.Base;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>The log lines of a simulated process, in the trace.</summary>
internal sealed class TraceLog(SimHost host) : ILogOutput
{
    public void Write(string line) => host.World.Trace.Add(host.World.Now, host.Name, TraceKind.Note, text: line);
}
