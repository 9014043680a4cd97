using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Nbd;

/// <summary>What a connection needs of its server.</summary>
internal interface INbdServer
{
    Reactor Reactor { get; }
    NbdExport Export { get; }
    NbdBudget Budget { get; }
    NbdStats Stats { get; }

    /// <summary>Zeros, for holes in answers that know none.</summary>
    PooledBuffer Zeros { get; }

    /// <summary>The connection has ended and nothing of it is under way any more.</summary>
    void OnConnectionEnded(NbdConnection connection);
}
