using System;

namespace Fastblock.Native.Base;

/// <summary>What a violated invariant throws in the simulator, where the process must live on to print the seed.</summary>
internal sealed class InvariantViolation(string message) : Exception(message);
