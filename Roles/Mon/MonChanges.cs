using System;
using System.Collections.Generic;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;
using Google.Protobuf;

namespace Fastblock.Roles.Mon;

/// <summary>The changes that a command wants to make, as one transaction on top of the store's present revision.</summary>
internal sealed class MonChanges(MonStore store)
{
    private readonly SortedDictionary<string, byte[]?> _changes = new(StringComparer.Ordinal);

    public bool IsEmpty => _changes.Count == 0;

    public void Put(string key, byte[] value) => _changes[key] = value;

    public void Delete(string key) => _changes[key] = null;

    public void Put(OsdInfo osd) => Put(MapKeys.Osd(osd.Id), osd.ToBytes());

    public void Put(PoolInfo pool) => Put(MapKeys.Pool(pool.Id), pool.ToBytes());

    public void Put(PgInfo pg) => Put(MapKeys.Pg(pg.Id), pg.ToBytes());

    public void Put(ImageInfo image) => Put(MapKeys.Image(image.Id), image.ToBytes());

    /// <summary>Takes the next number of a durable counter: never given out again once the transaction is committed.</summary>
    /// <param name="first">The first number ever.</param>
    public ulong Take(string counter, ulong first, ulong count = 1)
    {
        ulong next = _changes.TryGetValue(counter, out byte[]? changed) && changed is not null
            ? BitConverter.ToUInt64(changed) : store.Counter(counter);
        next = Math.Max(next, first);
        Put(counter, BitConverter.GetBytes(next + count));
        return next;
    }

    /// <summary>Keeps the outcome of a command, and lets go of the oldest kept one.</summary>
    public void RememberOutcome(Guid instance, ulong sequence, ControlReply reply)
    {
        ulong number = Take(StoreKeys.NextRequest, first: 1);
        RequestOutcome outcome = new()
        {
            ClientInstance = UuidBytes.ToBytes(instance),
            ClientSequence = sequence,
            Reply = reply.ToByteString(),
        };
        Put(StoreKeys.Request(number), outcome.ToByteArray());
        if (number > MonLimits.RememberedRequests) { Delete(StoreKeys.Request(number - MonLimits.RememberedRequests)); }
    }

    public StoreTransaction ToTransaction()
    {
        StoreTransaction transaction = new() { BaseRevision = store.Revision };
        foreach (KeyValuePair<string, byte[]?> change in _changes)
        {
            transaction.Changes.Add(new StoreChange
            {
                Key = change.Key,
                Value = change.Value is null ? ByteString.Empty : UnsafeByteOperations.UnsafeWrap(change.Value),
                Delete = change.Value is null,
            });
        }
        return transaction;
    }
}
