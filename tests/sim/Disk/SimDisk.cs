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

    /// <summary>What the disk knows of a block, side by side in memory. A block's bytes are referred to from one place only.</summary>
    private struct BlockState
    {
        public byte[]? Durable;

        /// <summary>What the present durable content replaced.</summary>
        public byte[]? Overwritten;

        /// <summary>Newest first.</summary>
        public Version? Cached;

        /// <summary>World time of the last write; 0 = never written.</summary>
        public long WrittenAt;

        /// <summary>It is in the list of blocks that have, or had, cached versions.</summary>
        public bool IsDirty;
    }

    private readonly BlockState[] _blocks;
    private readonly List<int> _dirty = [];
    private readonly SortedSet<int> _unreadable = [];
    private readonly List<SimDiskPort> _ports = [];
    private ulong _sequence;

    internal SimDisk(SimWorld world, SimHost host, long sizeBytes, Prng prng)
    {
        Invariant.Require(sizeBytes % Units.BlockBytes == 0);
        World = world;
        Host = host;
        Prng = prng;
        _blocks = new BlockState[sizeBytes / Units.BlockBytes];
    }

    public SimWorld World { get; }
    public SimHost Host { get; }
    public Prng Prng { get; }
    public long SizeBytes => (long)_blocks.Length * Units.BlockBytes;
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
        for (int i = 0; i < _blocks.Length; i++)
        {
            SimBlocks.Return(_blocks[i].Durable);
            SimBlocks.Return(_blocks[i].Overwritten);
        }
        Array.Clear(_blocks);
    }

    /// <summary>The disk was replaced by a new, empty one.</summary>
    /// <returns>The medium that was in, for <see cref="PutBack"/>.</returns>
    public byte[]?[] Replace()
    {
        byte[]?[] removed = new byte[]?[_blocks.Length];
        for (int i = 0; i < removed.Length; i++) { removed[i] = _blocks[i].Durable; }
        PutBack(new byte[]?[removed.Length]);
        return removed;
    }

    /// <summary>A medium that was in before is in again.</summary>
    public void PutBack(byte[]?[] medium)
    {
        ForgetCache();
        _unreadable.Clear();
        for (int i = 0; i < medium.Length; i++)
        {
            SimBlocks.Return(_blocks[i].Overwritten);
            _blocks[i] = new BlockState { Durable = medium[i] };
        }
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
            SetDurable(block, from.Slice(at, Units.BlockBytes));
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

    private byte[]? Newest(int block) => _blocks[block].Cached is { } version ? version.Bytes : _blocks[block].Durable;

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
        ref BlockState state = ref _blocks[block];
        state.WrittenAt = World.Now;
        byte[] copy = SimBlocks.CopyOf(bytes);
        if (durable)
        {
            DropVersions(block);
            MakeDurable(block, copy);
            return;
        }
        state.Cached = new Version(sequence, copy, state.Cached);
        if (state.IsDirty) { return; }
        state.IsDirty = true;
        _dirty.Add(block);
    }

    /// <summary>Its cached versions are gone.</summary>
    private void DropVersions(int block)
    {
        Drop(_blocks[block].Cached);
        _blocks[block].Cached = null;
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
            _blocks[block].IsDirty = false;
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
            if (_blocks[block].Cached != null) { _dirty[kept++] = block; } else { _blocks[block].IsDirty = false; }
        }
        _dirty.RemoveRange(kept, _dirty.Count - kept);
    }

    /// <summary>The newest version of a block that is old enough becomes the durable one, those before it are gone.</summary>
    private void Flush(int block, ulong sequence)
    {
        Version? newer = null;
        Version? flushed = _blocks[block].Cached;
        while (flushed != null && flushed.Sequence > sequence) { (newer, flushed) = (flushed, flushed.Older); }
        if (flushed == null) { return; }
        if (newer == null) { _blocks[block].Cached = null; } else { newer.Older = null; }
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
            if (mode == 0 || _blocks[block].Cached == null) { continue; }
            versions.Clear();
            for (Version? version = _blocks[block].Cached; version != null; version = version.Older) { versions.Insert(0, version.Bytes); }
            bool torn = mode != 1 && Prng.Chance(200_000);
            int whole = mode == 1 ? versions.Count : Prng.Below(versions.Count + 1);
            if (!torn)
            {
                if (whole > 0) { SetDurable(block, versions[whole - 1]); }
                continue;
            }
            Reached.Mark("sim: torn block at a power cut");
            if (_blocks[block].Durable is { } before) { before.CopyTo(mixed); } else { mixed.Clear(); }
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
        SimBlocks.Return(_blocks[block].Durable);
        _blocks[block].Durable = SimBlocks.CopyOf(bytes);
    }
}
