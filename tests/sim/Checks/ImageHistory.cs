using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>All operations of all clients on one image, checked sector by sector while they happen.</summary>
internal sealed class ImageHistory
{
    /// <summary>An operation under way.</summary>
    internal sealed class Operation
    {
        public required int Client { get; init; }
        public required long FirstSector { get; init; }
        public required byte[] Slots { get; init; }
        public required bool IsRead { get; init; }
        public required long Write { get; init; }
        public bool IsOver { get; set; }
    }

    /// <summary>The image is being cut: everything from a sector on becomes zero, once.</summary>
    internal sealed class Cut(long firstSector)
    {
        public long FirstSector => firstSector;

        /// <summary>Of the sectors that anybody has touched.</summary>
        public SortedDictionary<long, int> Slots { get; } = [];
    }

    private readonly List<Cut> _cuts = [];
    private readonly SectorHistory?[] _sectors;
    private readonly List<Operation> _underWay = [];

    public ImageHistory(ulong image, long sectors)
    {
        Image = image;
        _sectors = new SectorHistory?[sectors];
    }

    public ulong Image { get; }
    public long SectorCount => _sectors.Length;

    /// <summary>Operations that have not ended.</summary>
    public int UnderWay => _underWay.Count;

    public Operation BeginRead(int client, long firstSector, int sectors) => Begin(client, firstSector, sectors, SectorOpKind.Read, 0);

    /// <param name="write">Unique number of this write; 0 = zeros.</param>
    public Operation BeginWrite(int client, long firstSector, int sectors, long write) => Begin(client, firstSector, sectors, SectorOpKind.Write, write);

    public void EndRead(Operation operation, ReadOnlySpan<byte> data)
    {
        End(operation);
        for (int i = 0; i < operation.Slots.Length; i++)
        {
            long index = operation.FirstSector + i;
            ReadOnlySpan<byte> sector = data.Slice(i * Units.SectorBytes, Units.SectorBytes);
            if (!Stamp.TryRead(sector, Image, index, out long write))
            {
                throw new SimFailure($"image {Image} sector {index}: foreign or damaged bytes ({Stamp.Describe(sector)})");
            }
            SectorHistory history = _sectors[index]!;
            if (!history.EndRead(operation.Slots[i], write))
            {
                throw new SimFailure($"image {Image} sector {index}: client {operation.Client} read write {write}, possible were {string.Join(", ", history.PossibleValues)} (or a write under way)");
            }
        }
    }

    public void EndWrite(Operation operation)
    {
        End(operation);
        for (int i = 0; i < operation.Slots.Length; i++)
        {
            if (!_sectors[operation.FirstSector + i]!.EndWrite(operation.Slots[i]))
            {
                throw new SimFailure($"image {Image} sector {operation.FirstSector + i}: no order of the operations is left");
            }
        }
    }

    /// <summary>The operation ended without a good answer and cannot take effect from now on.</summary>
    public void EndUnknown(Operation operation)
    {
        End(operation);
        for (int i = 0; i < operation.Slots.Length; i++) { _sectors[operation.FirstSector + i]!.EndUnknown(operation.Slots[i]); }
    }

    public Cut BeginCut(long firstSector)
    {
        var cut = new Cut(firstSector);
        _cuts.Add(cut);
        for (long i = firstSector; i < _sectors.Length; i++)
        {
            if (_sectors[i] is { } touched) { cut.Slots.Add(i, touched.Begin(SectorOpKind.Write, 0)); }
        }
        return cut;
    }

    /// <summary>Nothing beyond the cut is left of what was there when it began.</summary>
    public void EndCut(Cut cut)
    {
        _ = _cuts.Remove(cut);
        foreach ((long index, int slot) in cut.Slots)
        {
            if (!_sectors[index]!.EndWrite(slot)) { throw new SimFailure($"image {Image} sector {index}: no order of the operations is left"); }
        }
    }

    /// <summary>A new owner has made itself known: what the clients of the past got no answer for never lands now.</summary>
    /// <param name="isPast">Whether an opening of the image came before.</param>
    public void RuleOut(Func<int, bool> isPast)
    {
        foreach (Operation operation in _underWay.ToArray())
        {
            if (!operation.IsRead && isPast(operation.Client)) { EndUnknown(operation); }
        }
    }

    /// <summary>A client is gone: nobody waits for its reads.</summary>
    public void ForgetReads(int client)
    {
        foreach (Operation operation in _underWay.ToArray())
        {
            if (operation.IsRead && operation.Client == client) { EndUnknown(operation); }
        }
    }

    /// <summary>The sectors that any operation has touched, in order.</summary>
    public IEnumerable<long> Touched
    {
        get
        {
            for (int i = 0; i < _sectors.Length; i++)
            {
                if (_sectors[i] != null) { yield return i; }
            }
        }
    }

    private Operation Begin(int client, long firstSector, int sectors, SectorOpKind kind, long write)
    {
        byte[] slots = new byte[sectors];
        for (int i = 0; i < sectors; i++) { slots[i] = (byte)Touch(firstSector + i).Begin(kind, write); }
        var operation = new Operation { Client = client, FirstSector = firstSector, Slots = slots, IsRead = kind == SectorOpKind.Read, Write = write };
        _underWay.Add(operation);
        return operation;
    }

    private SectorHistory Touch(long index)
    {
        if (_sectors[index] is { } known) { return known; }
        SectorHistory sector = _sectors[index] = new SectorHistory();
        foreach (Cut cut in _cuts)
        {
            if (cut.FirstSector <= index) { cut.Slots.Add(index, sector.Begin(SectorOpKind.Write, 0)); }
        }
        return sector;
    }

    private void End(Operation operation)
    {
        Invariant.Require(!operation.IsOver);
        operation.IsOver = true;
        _ = _underWay.Remove(operation);
    }
}
