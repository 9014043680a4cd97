using Fastblock.Net.Proto;

namespace Fastblock.Roles.Mon;

/// <summary>What becomes of a command: an answer, and the changes that have to be committed before it may be given (null =
/// none).</summary>
internal readonly record struct MonVerdict(ControlReply Reply, MonChanges? Changes);
