using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Osd;

/// <summary>Where one shard lives: the reactor that runs it, that reactor's transport, and the whole device as seen from that
/// reactor. Several shards may share a reactor, and then share its transport too.</summary>
internal sealed record ShardSeat(Reactor Reactor, ITransport Transport, IBlockDevice Device);
