using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Objects;

/// <summary>Whoever can get an object's checksums from another replica. Asked when the own checksum page is damaged.</summary>
internal interface IChecksumSource
{
    /// <summary>Fills <paramref name="page"/> with the CRC-32C of every block of the object as another replica has them (that of
    /// zeros for a hole). It may take a while; gives up after a bounded time.</summary>
    /// <returns>The version that the checksums are of, at most the version that the object has here by now and at least the one
    /// that it had at the call; 0 = they could not be had.</returns>
    ReactorTask<ulong> FetchChecksumsAsync(PgId group, ObjectId obj, uint[] page);
}
