using Fastblock.Native.Base;

namespace Fastblock.Roles.Client;

/// <summary>The monitors' answer to a wish to own an image.</summary>
/// <param name="Status">None; Busy = owned by a living client, named in the text; NotFound; TimedOut.</param>
/// <param name="Generation">What every request of the new owner carries.</param>
/// <param name="TtlNanos">How long the ownership lasts without a renewal.</param>
internal readonly record struct OwnershipGrant(Errno Status, ulong Generation, long TtlNanos, string Text);
