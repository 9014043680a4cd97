using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>An image became smaller.</summary>
internal sealed unsafe partial class ObjectStore
{
    /// <summary>Empties the image's objects from <paramref name="firstObject"/> on, in this group, as a discard of all their blocks
    /// by entry <paramref name="version"/> would: the empty ones are remembered as long as the log holds entries that could
    /// bring something back.</summary>
    public void CutImage(PgId group, ImageId image, uint firstObject, ulong version)
    {
        uint at = _onodes.Collections.Find(new ImageKey(group, image));
        if (at == ChunkedSlab.None) { return; }
        for (uint number = _onodes.Collections[at]->FirstOnode; number != ChunkedSlab.None;)
        {
            Onode* onode = _onodes[number];
            uint next = onode->NextInCollection;
            if (onode->Index >= firstObject) { ApplyDiscard(group, new ObjectId(image, onode->Index), version, 0, _options.BlocksPerObject); }
            number = next;
        }
    }
}
