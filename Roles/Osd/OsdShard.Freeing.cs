using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>Which images the map says have room to be given back.</summary>
internal sealed partial class OsdShard
{
    private readonly List<ImageInfo> _unfreed = [];
    private Epoch _unfreedAt;

    /// <summary>Images that are being removed or cut: few, while PGs and images may be many.</summary>
    public List<ImageInfo> UnfreedImages
    {
        get
        {
            if (_unfreedAt == Map.Epoch) { return _unfreed; }
            _unfreedAt = Map.Epoch;
            _unfreed.Clear();
            foreach (ImageInfo image in Map.Images)
            {
                if (image.State == ImageState.Purging || image.IsShrinking) { _unfreed.Add(image); }
            }
            return _unfreed;
        }
    }
}
