using System.Linq;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Images that were removed or cut: PG leaders log it, and say so in their reports. When all have, a removed image's record
/// goes, and a cut one may grow again.</summary>
internal sealed partial class MonState
{
    private void FinishFreeing(MonChanges changes)
    {
        foreach (ImageInfo image in Map.Images)
        {
            if (!IsFreeing(image) || CountPending(image, atMost: 1) > 0) { continue; }
            if (image.State is ImageState.Purging) { changes.Delete(MapKeys.Image(image.Id)); }
            else { changes.Put(image with { IsShrinking = false }); }
        }
    }

    private static bool IsFreeing(ImageInfo image) => image.State is ImageState.Purging || image.IsShrinking;

    /// <summary>PGs whose leader has not reported yet; counts no further than asked for.</summary>
    private int CountPending(ImageInfo image, int atMost)
    {
        int pending = 0;
        foreach (PgInfo? pg in Map.PgsOf(image.Pool))
        {
            if (pg is null || (LeaderStat(pg) is { } stat && IsFreed(image, stat))) { continue; }
            if (++pending == atMost) { break; }
        }
        return pending;
    }

    private static bool IsFreed(ImageInfo image, PgStat stat) => image.State is ImageState.Purging
        ? stat.PurgedImages.Contains(image.Id.Value)
        : stat.CutImages.Any(cut => cut.Image == image.Id.Value && cut.SizeGeneration >= image.SizeGeneration);

    private void AddFreeing(StatusResult result)
    {
        foreach (ImageInfo image in Map.Images)
        {
            if (!IsFreeing(image)) { continue; }
            if (image.IsShrinking && image.State is ImageState.Ready) { result.ImagesShrinking++; }
            if (result.Freeing.Count >= MonLimits.FreeingListed || !Map.TryGetPool(image.Pool, out PoolInfo? pool)) { continue; }
            result.Freeing.Add(new ImageFreeing
            {
                Image = image.Id.Value,
                Name = image.Name,
                PoolName = pool.Name,
                Removed = image.State is ImageState.Purging,
                Pgs = (uint)pool.PgCount,
                PgsPending = (uint)CountPending(image, atMost: int.MaxValue),
            });
        }
    }
}
