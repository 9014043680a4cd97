using Fastblock.Native.Base;

namespace Fastblock.Storage.Objects;

/// <summary>Hears of damaged objects while a store is loaded or checked. Never silently: a group with a damaged object must get it
/// from another replica before it counts as complete.</summary>
internal interface IObjectDamageSink
{
    /// <param name="group">Group and object; 0 where unknown.</param>
    /// <param name="block">First block concerned, -1 = the whole object.</param>
    void OnDamage(PgId group, ObjectId obj, ObjectDamage damage, int block);
}
