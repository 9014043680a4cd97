namespace Fastblock.Roles.Client;

/// <summary>Is told that the map an <see cref="IImageAuthority"/> keeps has changed.</summary>
internal interface IRouteListener
{
    void OnRoutesChanged();
}
