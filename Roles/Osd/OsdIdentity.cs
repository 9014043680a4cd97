using System;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>Who the device says we are.</summary>
internal sealed record OsdIdentity(OsdId Id, Guid Device, Guid Cluster, int Shards);
