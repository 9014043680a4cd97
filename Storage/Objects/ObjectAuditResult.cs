namespace Fastblock.Storage.Objects;

/// <summary>Outcome of an audit.</summary>
/// <param name="Damages">How many damages were reported.</param>
/// <param name="LeakedAus">Units that nobody names.</param>
internal readonly record struct ObjectAuditResult(long Objects, long Blocks, long Damages, long LeakedAus);
