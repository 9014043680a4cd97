using System;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>One replica's place: an OSD and the very device it was created on, so that an emptied or swapped device under
/// the same id is not taken for it.</summary>
internal readonly record struct PgMember(OsdId Osd, Guid Device);
