using Fastblock.Native.Reactor;
using Fastblock.Net.Transport.Tcp;

namespace Fastblock.Roles.Hosting;

/// <summary>One reactor of a server process with its transport.</summary>
internal sealed record ServerSeat(Reactor Reactor, TcpTransport Transport);
