using System;

namespace Fastblock.Tests.E2e;

/// <summary>Thrown by a <see cref="NeedsAttribute"/> test that finds out while it runs that this machine lacks what it
/// needs: the test then counts as skipped, with this message as the reason.</summary>
internal sealed class CannotRunHereException(string why) : Exception(why);
