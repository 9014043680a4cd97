using System;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary>Talks to the cluster that vstart is starting: makes what is missing and waits until it is as it should be.</summary>
/// <param name="config">Names the monitors.</param>
/// <param name="stepTime">Until the monitors answer, all OSDs are up, all PGs have leaders: each.</param>
/// <param name="stop">Set when the user wants to end.</param>
/// <param name="requireServers">Throws when a server that was started has ended.</param>
/// <param name="logs">Folder to name when something does not come.</param>
internal sealed class VstartAdmin(FastblockConfig config, TimeSpan stepTime, ManualResetEventSlim stop, Action requireServers, string logs)
{
    private const long AskAgainNanos = 20 * Units.NanosPerMilli;
    private const long SettleNanos = 3 * Units.NanosPerSecond;

    /// <summary>One request to the monitors.</summary>
    public ControlReply Ask(ControlRequest request)
    {
        ControlReply reply = new();
        _ = ClusterSession.Run(config, json: false, stepTime, async session =>
        {
            reply = await session.Mon.RequestAsync(request, session.LeftNanos);
            return ExitCode.Ok;
        });
        return reply;
    }

    /// <summary>A command that makes something; that it exists already is fine.</summary>
    /// <returns>Whether it was made now.</returns>
    public bool Ensure(ControlRequest request)
    {
        ControlReply reply = Ask(request);
        if (reply.Status is ControlStatus.StatusExists) { return false; }
        ClusterSession.Require(reply, "vstart");
        return true;
    }

    /// <summary>Waits until the cluster's status is as wanted; asks again and again, null while nobody answers.</summary>
    public void WaitForStatus(string what, Predicate<StatusResult?> reached) => WaitFor(what, async session =>
    {
        ControlReply reply = await session.Mon.RequestAsync(new ControlRequest { Status = new StatusRequest() }, Units.NanosPerSecond);
        return reached(reply.Status is ControlStatus.StatusOk ? reply.StatusResult : null);
    });

    /// <summary>Gives the replicas a moment to catch up, so that a healthy cluster is shown as one; one that needs longer is
    /// ready all the same.</summary>
    public void GiveTimeToSettle() => _ = ClusterSession.Run(config, json: false, stepTime, async session =>
    {
        long deadline = session.Reactor.NowNanos + SettleNanos;
        while (!stop.IsSet && session.Reactor.NowNanos < deadline)
        {
            ControlReply reply = await session.Mon.RequestAsync(new ControlRequest { Status = new StatusRequest() }, Units.NanosPerSecond);
            if (reply.Status is ControlStatus.StatusOk && reply.StatusResult.PgsClean == reply.StatusResult.Pgs) { break; }
            await session.Reactor.Delay(AskAgainNanos);
        }
        return ExitCode.Ok;
    });

    /// <summary>Waits until every PG of the pool is led. The OSDs themselves are asked: what the monitors know of one that was
    /// killed and is started again may be a few seconds old.</summary>
    public void WaitForLeaders(string pool) => WaitFor("all PGs to have a leader", async session =>
    {
        ClusterMap map = await session.MapAsync();
        if (!map.TryGetPool(pool, out PoolInfo? wanted)) { return false; }
        int led = 0;
        await OsdCall.AskAllAsync(session, new ControlRequest { ImageUsage = new ImageUsageRequest() }, reply =>
        {
            if (reply.Status is not ControlStatus.StatusOk) { return false; }
            foreach (ulong pg in reply.ImageUsageResult.Pgs) { led += new PgId(pg).Pool == wanted.Id ? 1 : 0; }
            return true;
        }, Units.NanosPerSecond);
        return led == wanted.PgCount;
    });

    /// <summary>Waits for something outside of the cluster's own knowledge.</summary>
    public void WaitForFact(string what, Func<bool> reached)
    {
        long deadline = Environment.TickCount64 + (long)stepTime.TotalMilliseconds;
        while (!reached() && !stop.IsSet)
        {
            requireServers();
            if (Environment.TickCount64 > deadline) { throw TimedOut(what); }
            _ = stop.Wait(10);
        }
    }

    private void WaitFor(string what, Func<ClusterSession, ReactorTask<bool>> reached) =>
        _ = ClusterSession.Run(config, json: false, stepTime, async session =>
        {
            while (!stop.IsSet && !await reached(session))
            {
                requireServers();
                if (session.LeftNanos == 0) { throw TimedOut(what); }
                await session.Reactor.Delay(AskAgainNanos);
            }
            return ExitCode.Ok;
        });

    private OperatorException TimedOut(string what) =>
        new(ExitCode.Timeout, $"gave up after {stepTime.TotalSeconds:0} s of waiting for {what}; see the logs in {logs}");
}
