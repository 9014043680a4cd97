using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Device;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Disk;

/// <summary>
/// The medium of a simulated disk, which outlives processes. Blocks that were never written hold zeros and cost nothing.
/// Each block has a durable content and, on top, the versions that were written since and not flushed:
/// <code>
///   read        -> the newest version                        write completes -> one more version
///   flush       -> versions older than its submission become the durable content
///   power cut   -> each 512-byte sector falls back to the durable content or to any one version, independently
/// </code>
/// A write under way at a power cut counts as one more version; at a kill, each of its blocks arrives or does not.
/// </summary>
internal sealed partial class SimDisk
{
    private sealed class Cached(ulong sequence, byte[] bytes)
    {
        public ulong Sequence => sequence;
        public byte[] Bytes => bytes;
    }

    private readonly byte[]?[] _durable;
    private readonly long[] _writtenAt;
    private readonly SortedDictionary<int, List<Cached>> _cached = [];
    private readonly SortedSet<int> _unreadable = [];
    private readonly List<SimDiskPort> _ports = [];
    private ulong _sequence;

    internal SimDisk(SimWorld world, SimHost host, long sizeBytes, Prng prng)
    {
        Invariant.Require(sizeBytes % Units.BlockBytes == 0);
        World = world;
        Host = host;
        Prng = prng;
        _durable = new byte[]?[sizeBytes / Units.BlockBytes];
        _writtenAt = new long[_durable.Length];
        _overwritten = new byte[]?[_durable.Length];
    }

    public SimWorld World { get; }
    public SimHost Host { get; }
    public Prng Prng { get; }
    public long SizeBytes => (long)_durable.Length * Units.BlockBytes;
    public DiskFaults Faults { get; set; } = new();

    /// <summary>Requests served so far, for tests that cut power after the n-th.</summary>
    public long ServedCount { get; private set; }

    /// <summary>Newest completed write.</summary>
    internal ulong Sequence => _sequence;

    /// <summary>Opens the disk, or a part of it, for one reactor. Closed by the end of the process.</summary>
    public SimDiskPort Open(SimSeat seat, long offsetBytes = 0, long? sizeBytes = null)
    {
        var port = new SimDiskPort(this, seat, offsetBytes, sizeBytes ?? SizeBytes - offsetBytes);
        _ports.Add(port);
        return port;
    }

    /// <summary>The disk was replaced by a new, empty one.</summary>
    /// <returns>The medium that was in, for <see cref="PutBack"/>.</returns>
    public byte[]?[] Replace()
    {
        byte[]?[] removed = [.. _durable];
        PutBack(new byte[]?[_durable.Length]);
        return removed;
    }

    /// <summary>A medium that was in before is in again.</summary>
    public void PutBack(byte[]?[] medium)
    {
        medium.CopyTo(_durable, 0);
        _cached.Clear();
        _unreadable.Clear();
        Array.Clear(_overwritten);
        Array.Clear(_writtenAt);
    }

    /// <summary>Reads without time, faults or trace: for tests and offline checks.</summary>
    public void Peek(long offsetBytes, Span<byte> into)
    {
        for (int at = 0; at < into.Length; at += Units.BlockBytes)
        {
            byte[]? content = Newest(BlockOf(offsetBytes + at));
            Span<byte> part = into.Slice(at, Units.BlockBytes);
            if (content == null) { part.Clear(); } else { content.CopyTo(part); }
        }
    }

    /// <summary>Writes durably without time, faults or trace: for tests that prepare a medium.</summary>
    public void Poke(long offsetBytes, ReadOnlySpan<byte> from)
    {
        for (int at = 0; at < from.Length; at += Units.BlockBytes)
        {
            int block = BlockOf(offsetBytes + at);
            _ = _cached.Remove(block);
            _durable[block] = from.Slice(at, Units.BlockBytes).ToArray();
        }
    }

    internal Errno Serve(IoKind kind, bool durable, long offsetBytes, int lengthBytes, ulong flushUpTo, ReadOnlySpan<byte> written, Span<byte> read)
    {
        ServedCount++;
        if (Faults.ErrorPerMillion > 0 && Prng.Chance(Faults.ErrorPerMillion)) { return Errno.Io; }
        switch (kind)
        {
            case IoKind.Read:
                return Read(offsetBytes, read);
            case IoKind.Write:
                ulong sequence = ++_sequence;
                for (int at = 0; at < written.Length; at += Units.BlockBytes)
                {
                    Put(BlockOf(offsetBytes + at), written.Slice(at, Units.BlockBytes), sequence, durable);
                }
                return Errno.None;
            case IoKind.Flush:
                FlushUpTo(flushUpTo);
                return Errno.None;
            default:
                Discard(offsetBytes, lengthBytes);
                return Errno.None;
        }
    }

    internal void OnProcessEnded(bool powerCut)
    {
        foreach (SimDiskPort port in _ports) { port.OnProcessEnded(powerCut); }
        _ports.Clear();
        if (powerCut) { LoseCache(); }
    }

    /// <summary>A write that was under way when its process died: some of its blocks arrive.</summary>
    internal void ArriveInPart(long offsetBytes, ReadOnlySpan<byte> written, bool powerCut)
    {
        ulong sequence = ++_sequence;
        int chance = Prng.Below(4) switch { 0 => 0, 1 => 1_000_000, _ => 500_000 };
        for (int at = 0; at < written.Length; at += Units.BlockBytes)
        {
            // At a power cut LoseCache picks the sectors, so that a block may also be torn.
            if (powerCut || Prng.Chance(chance)) { Put(BlockOf(offsetBytes + at), written.Slice(at, Units.BlockBytes), sequence, durable: false); }
        }
    }

    private static int BlockOf(long offsetBytes) => (int)(offsetBytes / Units.BlockBytes);

    private byte[]? Newest(int block) => _cached.TryGetValue(block, out List<Cached>? versions) ? versions[^1].Bytes : _durable[block];

    private Errno Read(long offsetBytes, Span<byte> read)
    {
        if (_unreadable.Count > 0)
        {
            for (int at = 0; at < read.Length; at += Units.BlockBytes)
            {
                if (_unreadable.Contains(BlockOf(offsetBytes + at))) { return Errno.Io; }
            }
        }
        Peek(offsetBytes, read);
        return Errno.None;
    }

    private void Put(int block, ReadOnlySpan<byte> bytes, ulong sequence, bool durable)
    {
        _ = _unreadable.Remove(block);
        _writtenAt[block] = World.Now;
        if (durable)
        {
            _ = _cached.Remove(block);
            MakeDurable(block, bytes.ToArray());
            return;
        }
        if (!_cached.TryGetValue(block, out List<Cached>? versions)) { _cached[block] = versions = new List<Cached>(1); }
        versions.Add(new Cached(sequence, bytes.ToArray()));
    }

    private void FlushUpTo(ulong sequence)
    {
        var done = new List<int>();
        foreach ((int block, List<Cached> versions) in _cached)
        {
            int count = 0;
            while (count < versions.Count && versions[count].Sequence <= sequence) { count++; }
            if (count == 0) { continue; }
            MakeDurable(block, versions[count - 1].Bytes);
            versions.RemoveRange(0, count);
            if (versions.Count == 0) { done.Add(block); }
        }
        foreach (int block in done) { _ = _cached.Remove(block); }
    }

    private void Discard(long offsetBytes, int lengthBytes)
    {
        ulong sequence = ++_sequence;
        byte[] zeros = new byte[Units.BlockBytes];
        for (int at = 0; at < lengthBytes; at += Units.BlockBytes)
        {
            // Undefined contents: sometimes the old bytes stay.
            int block = BlockOf(offsetBytes + at);
            if (Prng.Chance(500_000) && Newest(block) != null) { Put(block, zeros, sequence, durable: false); }
        }
    }

    private void LoseCache()
    {
        // Most cuts are harsh (anything may be gone), some are kind, and a few lose everything that was not flushed.
        int mode = Prng.Below(4);
        foreach ((int block, List<Cached> versions) in _cached)
        {
            if (mode == 0) { continue; }
            bool torn = mode != 1 && Prng.Chance(200_000);
            int whole = mode == 1 ? versions.Count : Prng.Below(versions.Count + 1);
            if (!torn)
            {
                if (whole > 0) { _durable[block] = versions[whole - 1].Bytes; }
                continue;
            }
            Reached.Mark("sim: torn block at a power cut");
            byte[] mixed = _durable[block] == null ? new byte[Units.BlockBytes] : (byte[])_durable[block]!.Clone();
            for (int at = 0; at < Units.BlockBytes; at += Units.SectorBytes)
            {
                int pick = Prng.Below(versions.Count + 1);
                if (pick > 0) { versions[pick - 1].Bytes.AsSpan(at, Units.SectorBytes).CopyTo(mixed.AsSpan(at)); }
            }
            _durable[block] = mixed;
        }
        _cached.Clear();
    }
}
