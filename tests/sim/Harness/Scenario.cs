using System;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>One kind of simulated life: builds a cluster in the world it is given, drives it, and throws <see cref="SimFailure"/>
/// when a checker objects. Everything that varies is drawn from the world's generator.</summary>
internal abstract class Scenario(SimWorld world)
{
    public SimWorld World => world;

    /// <summary>Client operations that have ended so far.</summary>
    public virtual long Operations => 0;

    /// <summary>Troubles made so far.</summary>
    public virtual long Faults => 0;

    /// <summary>The draw of this seed, in a line for people.</summary>
    public abstract string Describe();

    public abstract void Run();

    /// <summary>Stops the run with what is wrong.</summary>
    protected static void Require(bool condition, string message)
    {
        if (!condition) { throw new SimFailure(message); }
    }

    /// <summary>Lets the world go on until the condition holds; it must within so long.</summary>
    protected void Await(string what, Func<bool> condition, long limitNanos, Func<string>? detail = null)
    {
        if (World.RunUntil(condition, limitNanos)) { return; }
        throw new SimFailure($"not within {limitNanos / Units.NanosPerMilli} ms of virtual time: {what}{(detail == null ? "" : "; " + detail())}");
    }
}
