using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary>
/// Compares the replicas of every PG by digests of what they hold at the same applied index. A PG that is being written, or
/// whose replicas are not equally far, is asked again until --timeout; in the end each PG is equal, different, or not
/// comparable (a replica cannot be reached, or was never at rest).
/// </summary>
internal sealed class ReplicaCompare(ClusterSession session)
{
    private const long RetryNanos = 200 * Units.NanosPerMilli;

    private readonly List<(PgId Pg, string Text)> _different = [];
    private readonly List<(PgId Pg, string Text)> _unknown = [];
    private int _equal;
    private ulong _objects;

    /// <returns>Ok = all replicas are there and equal; Timeout = none differ, but some could not be compared in time.</returns>
    public async ReactorTask<ExitCode> RunAsync(string? poolName)
    {
        ClusterMap map = await session.MapAsync();
        PoolInfo? pool = null;
        if (poolName is not null && !map.TryGetPool(poolName, out pool)) { throw new OperatorException(ExitCode.NotFound, $"there is no pool '{poolName}'"); }
        List<PgInfo> pgs = [];
        foreach (PgInfo pg in map.Pgs)
        {
            if (pool is null || pg.Id.Pool == pool.Id) { pgs.Add(pg); }
        }
        foreach (PgInfo pg in pgs) { await CompareAsync(map, pg); }
        CommandOutput.Print(session.Json, WriteJson, WriteText);
        return _different.Count > 0 ? ExitCode.Failed : _unknown.Count > 0 ? ExitCode.Timeout : ExitCode.Ok;
    }

    private async ReactorTask CompareAsync(ClusterMap map, PgInfo pg)
    {
        while (true)
        {
            (bool settled, string text) = await RoundAsync(map, pg);
            if (settled) { return; }
            if (session.LeftNanos < 2 * RetryNanos)
            {
                _unknown.Add((pg.Id, text));
                return;
            }
            await session.Reactor.Delay(RetryNanos);
        }
    }

    /// <returns>Whether the PG has its verdict, else why not yet.</returns>
    private async ReactorTask<(bool Settled, string Text)> RoundAsync(ClusterMap map, PgInfo pg)
    {
        List<PgDigestResult> digests = [];
        string text = "";
        foreach (PgMember member in pg.Members)
        {
            if (!map.TryGetOsd(member.Osd, out OsdInfo? osd) || osd.PublicAddress is null) { return (false, $"osd.{member.Osd.Value} was never up"); }
            ControlReply reply = await OsdCall.AskAsync(session, osd.PublicAddress,
                new ControlRequest { PgDigest = new PgDigestRequest { Pg = pg.Id.Value } }, (ushort)pg.Shard);
            if (reply.Status is not ControlStatus.StatusOk)
            {
                return (false, $"osd.{member.Osd.Value}: {(reply.Text.Length > 0 ? reply.Text : reply.Status.ToString())}");
            }
            PgDigestResult digest = reply.PgDigestResult;
            digests.Add(digest);
            text += string.Create(CultureInfo.InvariantCulture,
                $"{(text.Length > 0 ? ", " : "")}osd.{member.Osd.Value} index {digest.Applied} {digest.Objects} objects {digest.Digest:x16}");
        }
        bool same = true;
        foreach (PgDigestResult digest in digests)
        {
            if (digest.Applied != digests[0].Applied) { return (false, "the replicas are not equally far: " + text); }
            same &= digest.Digest == digests[0].Digest; // an object that is all holes is no object: the numbers may differ
        }
        if (same)
        {
            _equal++;
            _objects += digests[0].Objects;
        }
        else { _different.Add((pg.Id, text)); }
        return (true, text);
    }

    private void WriteText(TextWriter output)
    {
        foreach ((PgId pg, string text) in _different) { output.WriteLine($"pg {pg}: DIFFERENT: {text}"); }
        foreach ((PgId pg, string text) in _unknown) { output.WriteLine($"pg {pg}: not compared: {text}"); }
        output.WriteLine($"{_equal} PGs with {_objects} objects: all replicas equal; {_different.Count} PGs differ; {_unknown.Count} could not be compared");
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("pgs_equal", _equal);
        json.WriteNumber("objects", _objects);
        Write("different", _different);
        Write("not_compared", _unknown);
        json.WriteEndObject();

        void Write(string name, List<(PgId Pg, string Text)> list)
        {
            json.WriteStartArray(name);
            foreach ((PgId pg, string text) in list)
            {
                json.WriteStartObject();
                json.WriteString("pg", pg.ToString());
                json.WriteString("text", text);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
    }
}
