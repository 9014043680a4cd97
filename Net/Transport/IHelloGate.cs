namespace Fastblock.Net.Transport;

/// <summary>Decides at the listener whether a peer may come in, and where to.</summary>
internal interface IHelloGate
{
    /// <summary>Checks cluster, role, version, features and shard.</summary>
    /// <param name="own">This side's hello, sent back.</param>
    /// <param name="target">The transport of the reactor that owns the wanted shard.</param>
    /// <returns>Null to let it in, else the reason, in words, that is sent to the peer.</returns>
    string? Check(in Hello peer, out Hello own, out ITransport target);
}
