using Fastblock.Native.Base;

namespace Fastblock.Storage.Objects;

/// <summary>Outcome of an audit.</summary>
/// <param name="Status">None = it ran to its end (which says nothing about what it found).</param>
/// <param name="Damages">How many damages were reported.</param>
/// <param name="LeakedAus">Units that nobody names.</param>
internal readonly record struct ObjectAuditResult(Errno Status, long Objects, long Blocks, long Damages, long LeakedAus);
