namespace Fastblock.Tests.Sim.World;

/// <summary>News for a reactor: handed over inside its loop, when it polls.</summary>
internal interface ISimCompletion
{
    void Deliver();
}
