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
    /// <summary>A content that a block got and that is not durable.</summary>
    private sealed class Version(ulong sequence, byte[] bytes, Version? older)
    {
        public ulong Sequence => sequence;
        public byte[] Bytes => bytes;
        public Version? Older { get; set; } = older;
    }

    // Each block of memory is referred to once: by one of these three.
    private readonly byte[]?[] _durable;
    private readonly Version?[] _cached; // newest first

    private readonly long[] _writtenAt;
    private readonly List<int> _dirty = []; // blocks with cached versions, and some that had some; each once
    private readonly bool[] _isDirty;
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
        _cached = new Version?[_durable.Length];
        _isDirty = new bool[_durable.Length];
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

    /// <summary>The end of the run: its memory serves the next one.</summary>
    internal void Dispose()
    {
        ForgetCache();
        SimBlocks.ReturnAll(_durable);
        SimBlocks.ReturnAll(_overwritten);
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
        ForgetCache();
        _unreadable.Clear();
        SimBlocks.ReturnAll(_overwritten);
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
            DropVersions(block);
            SimBlocks.Return(_durable[block]);
            _durable[block] = SimBlocks.CopyOf(from.Slice(at, Units.BlockBytes));
        }
    }

    /// <param name="early">Of a write: the bytes as they were at submission, instead of the request's.</param>
    internal Errno Serve(IoRequest request, long offsetBytes, ulong flushUpTo, byte[]? early)
    {
        ServedCount++;
        if (Faults.ErrorPerMillion > 0 && Prng.Chance(Faults.ErrorPerMillion)) { return Errno.Io; }
        switch (request.Kind)
        {
            case IoKind.Read:
                return Read(request, offsetBytes);
            case IoKind.Write:
                ulong sequence = ++_sequence;
                var blocks = new RequestBlocks(request);
                for (int at = 0; at < request.LengthBytes; at += Units.BlockBytes)
                {
                    Span<byte> block = blocks.Next();
                    Put(BlockOf(offsetBytes + at), early == null ? block : early.AsSpan(at, Units.BlockBytes), sequence, request.Durable);
                }
                return Errno.None;
            case IoKind.Flush:
                FlushUpTo(flushUpTo);
                return Errno.None;
            default:
                Discard(offsetBytes, request.LengthBytes);
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
    internal void ArriveInPart(IoRequest request, long offsetBytes, byte[]? early, bool powerCut)
    {
        ulong sequence = ++_sequence;
        int chance = Prng.Below(4) switch { 0 => 0, 1 => 1_000_000, _ => 500_000 };
        var blocks = new RequestBlocks(request);
        for (int at = 0; at < request.LengthBytes; at += Units.BlockBytes)
        {
            Span<byte> block = blocks.Next();
            // At a power cut LoseCache picks the sectors, so that a block may also be torn.
            if (powerCut || Prng.Chance(chance))
            {
                Put(BlockOf(offsetBytes + at), early == null ? block : early.AsSpan(at, Units.BlockBytes), sequence, durable: false);
            }
        }
    }

    private static int BlockOf(long offsetBytes) => (int)(offsetBytes / Units.BlockBytes);

    private byte[]? Newest(int block) => _cached[block] is { } version ? version.Bytes : _durable[block];

    private Errno Read(IoRequest request, long offsetBytes)
    {
        if (_unreadable.Count > 0)
        {
            for (int at = 0; at < request.LengthBytes; at += Units.BlockBytes)
            {
                if (_unreadable.Contains(BlockOf(offsetBytes + at))) { return Errno.Io; }
            }
        }
        var blocks = new RequestBlocks(request);
        for (int at = 0; at < request.LengthBytes; at += Units.BlockBytes) { Peek(offsetBytes + at, blocks.Next()); }
        return Errno.None;
    }

    private void Put(int block, ReadOnlySpan<byte> bytes, ulong sequence, bool durable)
    {
        if (_unreadable.Count > 0) { _ = _unreadable.Remove(block); }
        _writtenAt[block] = World.Now;
        byte[] copy = SimBlocks.CopyOf(bytes);
        if (durable)
        {
            DropVersions(block);
            MakeDurable(block, copy);
            return;
        }
        _cached[block] = new Version(sequence, copy, _cached[block]);
        if (_isDirty[block]) { return; }
        _isDirty[block] = true;
        _dirty.Add(block);
    }

    /// <summary>The versions of a block are gone, from one on.</summary>
    private void DropVersions(int block)
    {
        Drop(_cached[block]);
        _cached[block] = null;
    }

    private static void Drop(Version? version)
    {
        for (; version != null; version = version.Older) { SimBlocks.Return(version.Bytes); }
    }

    private void ForgetCache()
    {
        foreach (int block in _dirty)
        {
            DropVersions(block);
            _isDirty[block] = false;
        }
        _dirty.Clear();
    }

    private void FlushUpTo(ulong sequence)
    {
        int kept = 0;
        for (int i = 0; i < _dirty.Count; i++)
        {
            int block = _dirty[i];
            Flush(block, sequence);
            if (_cached[block] != null) { _dirty[kept++] = block; } else { _isDirty[block] = false; }
        }
        _dirty.RemoveRange(kept, _dirty.Count - kept);
    }

    /// <summary>The newest version of a block that is old enough becomes the durable one, those before it are gone.</summary>
    private void Flush(int block, ulong sequence)
    {
        Version? newer = null;
        Version? flushed = _cached[block];
        while (flushed != null && flushed.Sequence > sequence) { (newer, flushed) = (flushed, flushed.Older); }
        if (flushed == null) { return; }
        if (newer == null) { _cached[block] = null; } else { newer.Older = null; }
        Drop(flushed.Older);
        MakeDurable(block, flushed.Bytes);
    }

    private void Discard(long offsetBytes, int lengthBytes)
    {
        ulong sequence = ++_sequence;
        Span<byte> zeros = stackalloc byte[Units.BlockBytes];
        zeros.Clear();
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
        _dirty.Sort();
        var versions = new List<byte[]>(); // oldest first
        Span<byte> mixed = stackalloc byte[Units.BlockBytes];
        foreach (int block in _dirty)
        {
            if (mode == 0 || _cached[block] == null) { continue; }
            versions.Clear();
            for (Version? version = _cached[block]; version != null; version = version.Older) { versions.Insert(0, version.Bytes); }
            bool torn = mode != 1 && Prng.Chance(200_000);
            int whole = mode == 1 ? versions.Count : Prng.Below(versions.Count + 1);
            if (!torn)
            {
                if (whole > 0) { SetDurable(block, versions[whole - 1]); }
                continue;
            }
            Reached.Mark("sim: torn block at a power cut");
            if (_durable[block] == null) { mixed.Clear(); } else { _durable[block].CopyTo(mixed); }
            for (int at = 0; at < Units.BlockBytes; at += Units.SectorBytes)
            {
                int pick = Prng.Below(versions.Count + 1);
                if (pick > 0) { versions[pick - 1].AsSpan(at, Units.SectorBytes).CopyTo(mixed[at..]); }
            }
            SetDurable(block, mixed);
        }
        ForgetCache();
    }

    /// <summary>Changes the durable content without a write that it replaces.</summary>
    private void SetDurable(int block, ReadOnlySpan<byte> bytes)
    {
        SimBlocks.Return(_durable[block]);
        _durable[block] = SimBlocks.CopyOf(bytes);
    }
}
