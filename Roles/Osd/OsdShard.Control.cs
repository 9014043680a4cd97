using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>What clients may ask a shard beside data: for people and tools, not for the I/O path.</summary>
internal sealed partial class OsdShard
{
    public void OnClientControl(IConnection connection, in Frame frame)
    {
        if (!ControlCodec.TryParse(frame.Body, out ControlMessage message)
            || message.BodyCase is not ControlMessage.BodyOneofCase.Request)
        {
            connection.Close(Errno.Protocol);
            return;
        }
        AnswerAsync(connection, message.Id, message.Request).Start();
    }

    private async ReactorTask AnswerAsync(IConnection connection, ulong id, ControlRequest request)
    {
        ControlReply reply = request.CommandCase switch
        {
            ControlRequest.CommandOneofCase.ImageUsage => UsageOf(new ImageId(request.ImageUsage.Image)),
            ControlRequest.CommandOneofCase.PgDigest => await DigestAsync(new PgId(request.PgDigest.Pg)),
            ControlRequest.CommandOneofCase.PgScrub => BeginScrub(new PgId(request.PgScrub.Pg)),
            _ => _owner.OnProcessRequest(request),
        };
        if (connection.IsUp && ControlCodec.TrySendReply(connection, id, reply) != Errno.None)
        {
            connection.Close(Errno.NoBuffers);
        }
    }

    /// <summary>Counts the PGs that are led here, so that the sum over all OSDs counts each PG once.</summary>
    private ControlReply UsageOf(ImageId image)
    {
        ImageUsageResult result = new();
        foreach (PgReplica pg in _pgs.Values)
        {
            if (pg.Group is not { IsLeader: true }) { continue; }
            result.Pgs.Add(pg.Id.Value);
            List<ImageUsage> usage = UsageScratch;
            usage.Clear();
            Objects.GetUsage(pg.Id, usage);
            foreach (ImageUsage one in usage)
            {
                if (one.Image != image) { continue; }
                result.AllocatedBytes += one.UsedBytes;
                result.Objects += (ulong)one.Objects;
            }
        }
        return new ControlReply { ImageUsageResult = result };
    }

    private ControlReply BeginScrub(PgId id)
    {
        if (!_pgs.TryGetValue(id, out PgReplica? pg) || pg.Group is not { IsLeader: true })
        {
            return ControlCodec.Reply(ControlStatus.StatusWrongState, $"osd.{Identity.Id.Value} does not lead pg {id}");
        }
        return new ControlReply { PgScrubResult = new PgScrubResult { UnderWay = !Scrubs.Request(pg) } };
    }

    /// <summary>What the replica holds as of its applied index: equal at equal indexes on every replica.</summary>
    private async ReactorTask<ControlReply> DigestAsync(PgId id)
    {
        if (!_pgs.TryGetValue(id, out PgReplica? pg) || pg.Group is null)
        {
            return ControlCodec.Reply(ControlStatus.StatusNotFound, $"osd.{Identity.Id.Value} holds no replica of pg {id}");
        }
        ObjectAudit audit = new(Objects);
        List<ObjectChecksum> objects = [];
        DigestDamage damage = new(Repairs);
        ulong applied = pg.Group.Applied.Value;
        _ = await audit.ChecksumAsync(id, objects, damage);
        OnDamageFound(id, damage);
        // Damage is told at once: it stays what it is, however much is written meanwhile.
        if (damage.Blocks == 0 && pg.Group.Applied.Value != applied)
        {
            return ControlCodec.Reply(ControlStatus.StatusAgain, $"pg {id} is being written");
        }
        return new ControlReply
        {
            PgDigestResult = new PgDigestResult
            {
                Applied = applied,
                Objects = (ulong)objects.Count,
                Digest = ObjectChecksum.Combine(objects, audit.EmptyDigest),
                DamagedBlocks = (ulong)damage.Blocks,
                Damage = damage.First,
            },
        };
    }

    /// <summary>Logs what a digest met in one line, however much it is.</summary>
    private void OnDamageFound(PgId id, DigestDamage damage)
    {
        if (damage.Blocks == 0) { return; }
        _log.Error($"pg {id}: {damage.Blocks} damaged blocks found while comparing replicas, the first: {damage.First}");
    }

    /// <summary>Counts, and has it repaired.</summary>
    private sealed class DigestDamage(IObjectDamageSink repairs) : IObjectDamageSink
    {
        public long Blocks { get; private set; }
        public string First { get; private set; } = "";

        public void OnDamage(PgId group, ObjectId obj, ObjectDamage damage, int block)
        {
            repairs.OnDamage(group, obj, damage, block);
            if (Blocks++ > 0) { return; }
            First = $"image {obj.Image.Value} object {obj.Index} block {block}: "
                + (damage is ObjectDamage.Unreadable ? "the device did not give it back" : "contents do not match their checksum");
        }
    }
}
