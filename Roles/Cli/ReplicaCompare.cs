using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary>
/// Compares the replicas of every PG by digests of what they hold at the same applied index. A PG that is being written, or
/// whose replicas are not equally far, is asked again until --timeout, after all others had their turn; in the end each PG is
/// equal, different, damaged (a replica cannot read what it holds), or not comparable (a replica cannot be reached, or was
/// never at rest).
/// </summary>
internal sealed class ReplicaCompare(ClusterSession session)
{
    private const long RetryNanos = 200 * Units.NanosPerMilli;

    private readonly List<(PgId Pg, string Text)> _different = [];
    private readonly List<(PgId Pg, string Text)> _damaged = [];
    private readonly List<(PgId Pg, string Text)> _unknown = [];
    private readonly HashSet<OsdId> _silent = []; // in this pass; each costs its time once, not once per PG
    private int _equal;
    private ulong _objects;

    /// <returns>Ok = all replicas are there and equal; Failed = some differ or are damaged; Timeout = none are, but some could not be compared in time.</returns>
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
        await CompareAllAsync(map, pgs);
        CommandOutput.Print(session.Json, WriteJson, WriteText);
        return _different.Count + _damaged.Count > 0 ? ExitCode.Failed : _unknown.Count > 0 ? ExitCode.Timeout : ExitCode.Ok;
    }

    /// <summary>Passes over all PGs that have no verdict yet: one that cannot be compared takes no time from the others.</summary>
    private async ReactorTask CompareAllAsync(ClusterMap map, List<PgInfo> pending)
    {
        for (bool isFirst = true; ; isFirst = false)
        {
            List<PgInfo> again = [];
            _unknown.Clear();
            _silent.Clear();
            for (int i = 0; i < pending.Count; i++)
            {
                (bool settled, string text) = await RoundAsync(map, pending[i], isFirst, isLast: i == pending.Count - 1 && again.Count == 0);
                if (settled) { continue; }
                again.Add(pending[i]);
                _unknown.Add((pending[i].Id, text));
            }
            if (again.Count == 0 || session.LeftNanos < 2 * RetryNanos) { return; }
            pending = again;
            await session.Reactor.Delay(RetryNanos);
        }
    }

    /// <param name="asksAll">Asks every replica, so that damage is found even where another one does not answer.</param>
    /// <param name="isLast">Nobody waits behind this PG: it may have all the time that is left.</param>
    /// <returns>Whether the PG has its verdict, else why not yet.</returns>
    private async ReactorTask<(bool Settled, string Text)> RoundAsync(ClusterMap map, PgInfo pg, bool asksAll, bool isLast)
    {
        List<PgDigestResult> digests = [];
        string text = "", damage = "", whyNot = "";
        foreach (PgMember member in pg.Voters)
        {
            ControlReply reply = await AskAsync(map, pg, member, isLast);
            if (reply.Status is not ControlStatus.StatusOk)
            {
                whyNot = $"osd.{member.Osd.Value}: {(reply.Text.Length > 0 ? reply.Text : reply.Status.ToString())}";
                if (!asksAll) { break; }
                continue;
            }
            PgDigestResult digest = reply.PgDigestResult;
            digests.Add(digest);
            if (digest.DamagedBlocks > 0)
            {
                damage += string.Create(CultureInfo.InvariantCulture,
                    $"{(damage.Length > 0 ? "; " : "")}osd.{member.Osd.Value}: {digest.DamagedBlocks} damaged blocks, the first: {digest.Damage}");
            }
            text += string.Create(CultureInfo.InvariantCulture,
                $"{(text.Length > 0 ? ", " : "")}osd.{member.Osd.Value} index {digest.Applied} {digest.Objects} objects {digest.Digest:x16}");
        }
        if (damage.Length > 0)
        {
            _damaged.Add((pg.Id, damage));
            return (true, damage);
        }
        return whyNot.Length > 0 ? (false, whyNot) : Judge(pg, digests, text);
    }

    private async ReactorTask<ControlReply> AskAsync(ClusterMap map, PgInfo pg, PgMember member, bool isLast)
    {
        if (!map.TryGetOsd(member.Osd, out OsdInfo? osd) || osd.PublicAddress is null)
        {
            return ControlCodec.Reply(ControlStatus.StatusNoConnection, "was never up");
        }
        if (_silent.Contains(member.Osd)) { return ControlCodec.Reply(ControlStatus.StatusNoConnection, "did not answer before, not asked"); }
        if (session.LeftNanos <= 0) { return ControlCodec.Reply(ControlStatus.StatusTimeout, "no time was left to ask"); }
        // Half of what is left, so that one that hangs leaves time for those that do not.
        ControlReply reply = await OsdCall.AskAsync(session, osd.PublicAddress,
            new ControlRequest { PgDigest = new PgDigestRequest { Pg = pg.Id.Value } }, (ushort)pg.Shard,
            isLast ? long.MaxValue : session.LeftNanos / 2);
        if (reply.Status is ControlStatus.StatusNoConnection or ControlStatus.StatusTimeout) { _ = _silent.Add(member.Osd); }
        return reply;
    }

    private (bool Settled, string Text) Judge(PgInfo pg, List<PgDigestResult> digests, string text)
    {
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
        foreach ((PgId pg, string text) in _damaged) { output.WriteLine($"pg {pg}: DAMAGED: {text}"); }
        foreach ((PgId pg, string text) in _unknown) { output.WriteLine($"pg {pg}: not compared: {text}"); }
        output.WriteLine($"{_equal} PGs with {_objects} objects: all replicas equal; {_different.Count} PGs differ; "
            + $"{_damaged.Count} have damaged replicas; {_unknown.Count} could not be compared");
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("pgs_equal", _equal);
        json.WriteNumber("objects", _objects);
        Write("different", _different);
        Write("damaged", _damaged);
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
