namespace Fastblock.Roles.Cluster;

/// <summary>Where the PGs of one pool go. OSDs are named by their index in the list that was placed on.</summary>
internal sealed class PlacementPlan
{
    /// <summary>By PG number: the members, one per failure domain.</summary>
    public required int[][] Members { get; init; }

    /// <summary>By PG number.</summary>
    public required int[] Shards { get; init; }

    /// <summary>By PG number: the member that should lead.</summary>
    public required int[] Leaders { get; init; }
}
