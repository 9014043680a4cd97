using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>What only the leader knows and nobody stores: who was heard when, and the newest statistics. Starts empty with
/// each leadership, with a full grace period for everybody.</summary>
internal sealed class MonRuntime
{
    private readonly SortedDictionary<uint, OsdRuntime> _osds = [];
    private readonly SortedDictionary<ulong, long> _renewed = [];
    private readonly SortedDictionary<(ulong Image, Guid Instance), ImageReader> _readers = [];

    /// <summary>When this monitor's leadership (or its grace period after a pause) began.</summary>
    public long SinceNanos { get; private set; }

    public IEnumerable<OsdRuntime> Osds => _osds.Values;

    /// <summary>A leadership begins: nothing is known, everybody gets the full time to be heard.</summary>
    public void Reset(long nowNanos)
    {
        _osds.Clear();
        _renewed.Clear();
        _readers.Clear();
        SinceNanos = nowNanos;
    }

    /// <summary>This monitor itself was away (paused, or overloaded): silence says nothing about the others.</summary>
    public void ExtendGrace(long nowNanos)
    {
        SinceNanos = nowNanos;
        foreach (OsdRuntime osd in _osds.Values) { osd.HeardNanos = nowNanos; }
    }

    public OsdRuntime Osd(OsdId id)
    {
        if (!_osds.TryGetValue(id.Value, out OsdRuntime? osd))
        {
            osd = new OsdRuntime { Id = id, HeardNanos = SinceNanos };
            _osds.Add(id.Value, osd);
        }
        return osd;
    }

    public bool TryGetOsd(OsdId id, out OsdRuntime? osd) => _osds.TryGetValue(id.Value, out osd);

    /// <summary>How long ago the OSD was heard; at most since this leadership began.</summary>
    public long SilenceNanos(OsdId id, long nowNanos)
    {
        long heard = _osds.TryGetValue(id.Value, out OsdRuntime? osd) ? Math.Max(osd.HeardNanos, SinceNanos) : SinceNanos;
        return Math.Max(0, nowNanos - heard);
    }

    /// <summary>The owner of an image was heard.</summary>
    public void Renewed(ImageId image, long nowNanos) => _renewed[image.Value] = nowNanos;

    public void Forget(ImageId image) => _renewed.Remove(image.Value);

    /// <summary>How long ago an image's owner was heard; at most since this leadership began.</summary>
    public long RenewedAgoNanos(ImageId image, long nowNanos)
    {
        long heard = _renewed.TryGetValue(image.Value, out long at) ? Math.Max(at, SinceNanos) : SinceNanos;
        return Math.Max(0, nowNanos - heard);
    }

    /// <summary>Somebody has the image open for reading. Kept by the leader only: a new one hears of it with the next renewal.</summary>
    /// <returns>False when there are too many.</returns>
    public bool TryNoteReader(ImageId image, Guid instance, string description, long nowNanos, long ttlNanos)
    {
        bool isKnown = _readers.ContainsKey((image.Value, instance));
        if (!isKnown && _readers.Count >= MonLimits.Readers) { ForgetReaders(nowNanos, ttlNanos); }
        if (!isKnown && _readers.Count >= MonLimits.Readers) { return false; }
        _readers[(image.Value, instance)] = new ImageReader(image, instance, description, nowNanos);
        return true;
    }

    public void ForgetReader(ImageId image, Guid instance) => _ = _readers.Remove((image.Value, instance));

    /// <summary>Those that were heard within their time to live, by image.</summary>
    public IReadOnlyCollection<ImageReader> Readers(long nowNanos, long ttlNanos)
    {
        ForgetReaders(nowNanos, ttlNanos);
        return _readers.Values;
    }

    private void ForgetReaders(long nowNanos, long ttlNanos)
    {
        List<(ulong, Guid)>? gone = null;
        foreach (((ulong, Guid) key, ImageReader reader) in _readers)
        {
            if (nowNanos - Math.Max(reader.HeardNanos, SinceNanos) >= ttlNanos) { (gone ??= []).Add(key); }
        }
        foreach ((ulong, Guid) key in gone ?? []) { _ = _readers.Remove(key); }
    }

    /// <summary>The statistics of one replica, if its OSD has sent any for this incarnation.</summary>
    public PgStat? StatOf(PgInfo pg, PgMember member)
    {
        if (!_osds.TryGetValue(member.Osd.Value, out OsdRuntime? osd)) { return null; }
        return osd.Pgs.TryGetValue(pg.Id.Value, out PgStat? stat) && stat.Incarnation == pg.Incarnation ? stat : null;
    }
}
