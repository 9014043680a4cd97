using System;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>One monitor and where it listens.</summary>
/// <param name="Store">Uuid of its store; empty in what an older version wrote.</param>
internal sealed record MonInfo(MonId Id, NetAddress Address, Guid Store = default, MonRecordState State = MonRecordState.MonMember)
{
    /// <summary>It votes, or did until a moment ago: it can be asked.</summary>
    public bool IsMember => State is not MonRecordState.MonJoining;

    /// <returns>False when the record makes no sense.</returns>
    public static bool TryRead(MonRecord record, [NotNullWhen(true)] out MonInfo? info)
    {
        info = null;
        if (!NetAddress.TryParse(record.Address, 0, out NetAddress? address) || !Enum.IsDefined(record.State)) { return false; }
        if (!UuidBytes.TryRead(record.StoreUuid, out Guid store)) { return false; }
        info = new MonInfo(new MonId(record.Id), address, store, record.State);
        return true;
    }

    public MonRecord ToRecord() => new()
    {
        Id = Id.Value,
        Address = Address.ToString(),
        StoreUuid = Store == Guid.Empty ? ByteString.Empty : UuidBytes.ToBytes(Store),
        State = State,
    };
}
