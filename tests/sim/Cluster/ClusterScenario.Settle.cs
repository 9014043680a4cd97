using System;
using System.Collections.Generic;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

internal partial class ClusterScenario
{
    private bool _stopped;

    /// <summary>Nothing is broken any more: every I/O must end, everything acknowledged must be readable, and the replicas of
    /// each PG must become equal.</summary>
    protected virtual void Settle()
    {
        EndWork();
        ReadAllBack();
        AwaitEqualReplicas();
    }

    /// <summary>No new I/O; what is under way must end.</summary>
    protected void EndWork()
    {
        _stopped = true;
        foreach (ClientNode client in _clients)
        {
            if (!client.Host.IsRunning) { client.Start(); }
            client.Stop();
        }
        Await("all I/O ended and images closed", () => AllClientsAtRest(), 120 * Units.NanosPerSecond, State);
    }

    protected void ReadAllBack()
    {
        foreach (SimImage image in _images) { ReadBack(image); }
    }

    protected void AwaitEqualReplicas()
    {
        string difference = "";
        for (int i = 0; i < 60; i++)
        {
            difference = Difference();
            if (difference.Length == 0) { break; }
            World.RunFor(Units.NanosPerSecond);
        }
        if (difference.Length > 0) { throw new SimFailure($"replicas do not become equal: {difference}{State()}"); }
        Await("all buffers back in their pools", () => HeldBuffers().Length == 0, 10 * Units.NanosPerSecond, () => HeldBuffers() + State());
        Await("nothing is left in queues", () => LeftOver().Length == 0, 10 * Units.NanosPerSecond, () => LeftOver() + State());
        foreach (OsdNode osd in _osds)
        {
            if (!osd.IsDamaged) { RestChecker.RequireSpaceAddsUp(osd); }
        }
    }

    /// <summary>What still waits somewhere although no client wants anything.</summary>
    private string LeftOver()
    {
        string left = "";
        foreach (OsdNode osd in _osds) { left += osd.IsDamaged ? "" : RestChecker.LeftOver(osd); }
        return left;
    }

    /// <summary>Who holds buffers although nothing is under way; what only caches hold does not count.</summary>
    private string HeldBuffers()
    {
        string held = "";
        foreach (OsdNode osd in _osds) { held += HeldBy(osd.Host); }
        foreach (ClientNode client in _clients) { held += HeldBy(client.Host); }
        return held;
    }

    private static string HeldBy(SimHost host)
    {
        string held = "";
        foreach (SimSeat seat in host.Process?.Seats ?? [])
        {
            int busy = seat.Buffers.CountBusy();
            if (busy > 0) { held += $" {host.Name}/{seat.Index} holds {busy}"; }
        }
        return held;
    }

    /// <summary>A new writer takes the image over (which rules out all that is left of earlier ones) and reads every sector that
    /// was ever touched; a second pass must find the same.</summary>
    private void ReadBack(SimImage image)
    {
        var reader = new VerifyNode(this, image);
        reader.Start();
        Await($"{image.Name} read back", () => reader.IsDone, 120 * Units.NanosPerSecond, () => reader.State + State());
        reader.Host.EndOrderly();
    }

    /// <summary>Reads every replica of every PG and compares.</summary>
    /// <returns>Empty = all there and equal.</returns>
    private string Difference()
    {
        var found = new SortedDictionary<PgId, List<ReplicaContents>>();
        int pending = 0;
        foreach (OsdNode osd in _osds)
        {
            if (osd.IsDamaged || IsRetired(osd)) { continue; }
            if (!osd.IsStarted) { return $"{osd.Host.Name} is not started"; }
            pending++;
            osd.Digest((pg, contents) =>
            {
                if (!found.TryGetValue(pg, out List<ReplicaContents>? replicas)) { found[pg] = replicas = []; }
                replicas.Add(contents);
            }, () => pending--);
        }
        if (!World.RunUntil(() => pending == 0, 30 * Units.NanosPerSecond)) { return "reading the replicas takes too long"; }
        int without = 0;
        foreach (OsdNode osd in _osds) { without += osd.WasEmptied || osd.IsDamaged ? 1 : 0; }
        if (found.Count != Draw.PgCount) { return $"{found.Count} of {Draw.PgCount} PGs found"; }
        foreach ((PgId pg, List<ReplicaContents> replicas) in found)
        {
            if (replicas.Count < Draw.Replicas - without) { return $"pg {pg} has {replicas.Count} replicas"; }
            foreach (ReplicaContents replica in replicas)
            {
                string difference = replica.Compare(replicas[0]);
                if (difference.Length > 0) { return $"pg {pg}: {difference}"; }
            }
        }
        return "";
    }

    private bool AllClientsAtRest()
    {
        foreach (ClientNode client in _clients)
        {
            if (!client.IsAtRest) { return false; }
        }
        return true;
    }

    private bool AllOsds(Func<OsdNode, bool> holds)
    {
        foreach (OsdNode osd in _osds)
        {
            if (!holds(osd)) { return false; }
        }
        return true;
    }

    protected string State()
    {
        var text = new StringBuilder();
        foreach (MonNode mon in _mons) { _ = text.AppendLine().Append($"  {mon.Host.Name} {(mon.Host.IsRunning ? "up" : "down")}: {mon.Describe()}"); }
        foreach (OsdNode osd in _osds) { _ = text.AppendLine().Append($"  {osd.Host.Name} {(osd.Host.IsRunning ? "up" : "down")}: {osd.Describe()}"); }
        foreach (ClientNode client in _clients)
        {
            _ = text.AppendLine().Append($"  {client.Host.Name} {(client.IsAtRest ? "at rest" : "busy")}, {client.Work?.UnderWay ?? 0} under way");
        }
        return text.ToString();
    }
}
