using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>Hears of changes of the cluster map.</summary>
internal interface IMapListener
{
    /// <summary>The map has moved to its new epoch. <paramref name="delta"/> is valid during the call only.</summary>
    void OnMapChanged(ClusterMap map, MapDelta delta);
}
