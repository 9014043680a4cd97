using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>
/// What commands mean: a pure function of (replicated store, what the leader heard lately, command, time) to an answer and the
/// changes it needs. No I/O, no waiting. It runs on the leader only; other monitors see nothing but the changes.
/// <para>Every refusal has a status and a text that says what to do.</para>
/// </summary>
internal sealed partial class MonState
{
    private readonly MonStore _store;
    private readonly MonRuntime _runtime;
    private readonly MonOptions _options;
    private readonly Prng _prng;

    public MonState(MonStore store, MonRuntime runtime, MonOptions options, Prng prng)
    {
        _store = store;
        _runtime = runtime;
        _options = options;
        _prng = prng;
    }

    private ClusterMap Map => _store.Map;

    /// <summary>Decides one command.</summary>
    /// <param name="nowNanos">For time-outs.</param>
    /// <param name="wallMillis">For dates that people read.</param>
    public MonVerdict Evaluate(ControlRequest request, long nowNanos, long wallMillis)
    {
        if (Map.Cluster is null) { return Refuse(ControlStatus.StatusAgain, "the cluster is being made; try again"); }
        if (!UuidBytes.TryRead(request.ClientInstance, out Guid client))
        {
            return Refuse(ControlStatus.StatusInvalid, "client_instance is not a uuid");
        }
        if (_store.TryGetOutcome(client, request.ClientSequence, out byte[] earlier)
            && ProtoReader.TryParse(ControlReply.Parser, earlier, out ControlReply reply))
        {
            return new MonVerdict(reply, null);
        }
        MonVerdict verdict = Dispatch(request, nowNanos, wallMillis);
        if (verdict.Changes is { IsEmpty: false } && client != Guid.Empty)
        {
            verdict.Changes.RememberOutcome(client, request.ClientSequence, verdict.Reply);
        }
        return verdict;
    }

    private MonVerdict Dispatch(ControlRequest request, long nowNanos, long wallMillis) => request.CommandCase switch
    {
        ControlRequest.CommandOneofCase.Status => Answer(new ControlReply { StatusResult = Status(nowNanos) }),
        ControlRequest.CommandOneofCase.Health => Answer(new ControlReply { HealthResult = Health(nowNanos) }),
        ControlRequest.CommandOneofCase.Df => Answer(new ControlReply { DfResult = Df() }),
        ControlRequest.CommandOneofCase.PgStats => Answer(new ControlReply { PgStatsResult = PgStats(request.PgStats) }),
        ControlRequest.CommandOneofCase.SessionList => Answer(new ControlReply { SessionListResult = Sessions(nowNanos) }),
        ControlRequest.CommandOneofCase.OsdNew => OsdNew(request.OsdNew),
        ControlRequest.CommandOneofCase.OsdBoot => OsdBoot(request.OsdBoot, nowNanos),
        ControlRequest.CommandOneofCase.OsdHeartbeat => OsdHeartbeat(request.OsdHeartbeat, nowNanos),
        ControlRequest.CommandOneofCase.OsdStop => OsdStop(request.OsdStop),
        ControlRequest.CommandOneofCase.OsdMark => OsdMark(request.OsdMark),
        ControlRequest.CommandOneofCase.OsdReweight => OsdReweight(request.OsdReweight),
        ControlRequest.CommandOneofCase.OsdRemove => OsdRemove(request.OsdRemove),
        ControlRequest.CommandOneofCase.ClusterFlags => SetFlags(request.ClusterFlags),
        ControlRequest.CommandOneofCase.MonAdd => MonAdd(request.MonAdd),
        ControlRequest.CommandOneofCase.MonRemove => MonRemove(request.MonRemove),
        ControlRequest.CommandOneofCase.PoolCreate => PoolCreate(request.PoolCreate, wallMillis),
        ControlRequest.CommandOneofCase.PoolRemove => PoolRemove(request.PoolRemove),
        ControlRequest.CommandOneofCase.ImageCreate => ImageCreate(request.ImageCreate, wallMillis),
        ControlRequest.CommandOneofCase.ImageResize => ImageResize(request.ImageResize),
        ControlRequest.CommandOneofCase.ImageRename => ImageRename(request.ImageRename),
        ControlRequest.CommandOneofCase.ImageRemove => ImageRemove(request.ImageRemove, nowNanos),
        ControlRequest.CommandOneofCase.ImageAcquire => ImageAcquire(request.ImageAcquire, nowNanos, wallMillis),
        ControlRequest.CommandOneofCase.ImageRelease => ImageRelease(request.ImageRelease),
        ControlRequest.CommandOneofCase.ImageRenew => ImageRenew(request.ImageRenew, nowNanos),
        _ => Refuse(ControlStatus.StatusInvalid, "this monitor does not know the command: it may be older than the program"),
    };

    private MonChanges NewChanges() => new(_store);

    private static MonVerdict Answer(ControlReply reply) => new(reply, null);

    private static MonVerdict Do(MonChanges changes, ControlReply? reply = null) => new(reply ?? new ControlReply(), changes);

    private static MonVerdict Refuse(ControlStatus status, string text) => new(ControlCodec.Reply(status, text), null);

    private static MonVerdict Invalid(string text) => Refuse(ControlStatus.StatusInvalid, text);

    /// <summary>Texts of people and hosts that we keep: short, without control characters.</summary>
    private static bool IsText(string text)
    {
        if (text.Length > ClusterLimits.MaxTextChars) { return false; }
        foreach (char c in text)
        {
            if (char.IsControl(c)) { return false; }
        }
        return true;
    }
}
