using System;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>A checker found something that must not be.</summary>
internal sealed class SimFailure(string message) : Exception(message);
