using System;

namespace Fastblock.Storage.Objects;

/// <summary>Receives records during a scan. The spans are valid during the call.</summary>
internal interface IObjectRecordSink
{
    void OnRecord(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);
}
