using System;

namespace Fastblock.Tests.Sim.World;

/// <summary>An event that runs a piece of test code.</summary>
internal sealed class ActionEvent(Action action) : SimEvent
{
    public override void Run() => action();
}
