using Fastblock.Native.Base;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Cluster;

/// <summary>One monitor and where it listens.</summary>
internal sealed record MonInfo(MonId Id, NetAddress Address);
