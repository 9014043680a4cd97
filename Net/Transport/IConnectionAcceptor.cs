namespace Fastblock.Net.Transport;

/// <summary>Adopts accepted connections on the reactor they were moved to.</summary>
internal interface IConnectionAcceptor
{
    /// <summary>A greeted connection; its handler gets OnUp next. Null refuses it (it is closed).</summary>
    IConnectionHandler? OnAccepted(IConnection connection);
}
