using System;
using System.Buffers;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Device;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Disk;

/// <summary>A process's open handle on a <see cref="SimDisk"/> or a part of it: the IBlockDevice of one reactor. Requests take
/// time and complete in any order inside the reactor's loop.</summary>
internal sealed class SimDiskPort : IBlockDevice
{
    private sealed class Operation(SimDiskPort port, IoRequest request, long submittedAt, ulong flushUpTo, byte[]? early) : SimEvent, ISimCompletion
    {
        public IoRequest Request => request;
        public long SubmittedAt => submittedAt;
        public ulong FlushUpTo => flushUpTo;

        /// <summary>The bytes as they were at submission, when the disk fetched them then; null = it fetches them when it writes.</summary>
        public byte[]? Early { get; private set; } = early;
        public Errno Status { get; set; }

        public void ReturnEarly()
        {
            if (Early != null) { ArrayPool<byte>.Shared.Return(Early); }
            Early = null;
        }

        public override void Run() => port.OnServed(this);

        public void Deliver() => request.Complete(Status);
    }

    private readonly SimDisk _disk;
    private readonly SimSeat _seat;
    private readonly long _offsetBytes;
    private readonly List<Operation> _underWay = [];

    internal SimDiskPort(SimDisk disk, SimSeat seat, long offsetBytes, long sizeBytes)
    {
        Invariant.Require(offsetBytes >= 0 && sizeBytes > 0 && offsetBytes + sizeBytes <= disk.SizeBytes);
        _disk = disk;
        _seat = seat;
        _offsetBytes = offsetBytes;
        SizeBytes = sizeBytes;
    }

    public long SizeBytes { get; }

    /// <summary>Requests not completed yet.</summary>
    public int UnderWay => _underWay.Count;

    public void Submit(IoRequest request)
    {
        Invariant.Require(request.OffsetBytes + request.LengthBytes <= SizeBytes);
        SimWorld world = _disk.World;
        DiskFaults faults = _disk.Faults;
        long latency = _disk.Prng.Between(faults.LatencyMinNanos, faults.LatencyMaxNanos);
        latency += request.LengthBytes; // about 1 GB/s
        if (request.Kind is IoKind.Flush || request.Durable) { latency *= 2; }
        if (faults.StallPerMillion > 0 && _disk.Prng.Chance(faults.StallPerMillion)) { latency += _disk.Prng.Between(0, faults.StallMaxNanos); }
        // The memory is the disk's from here to completion; it may look at any time, so that touching it shows.
        byte[]? early = request.Kind == IoKind.Write && _disk.Prng.Chance(500_000) ? Gather(request) : null;
        var operation = new Operation(this, request, world.TimeNow, _disk.Sequence, early);
        _underWay.Add(operation);
        world.ScheduleAt(world.TimeNow + (latency * faults.SlowFactor), operation);
    }

    internal void OnProcessEnded(bool powerCut)
    {
        // Most of what was under way is done out of order: the list's order carries no promise.
        foreach (Operation operation in _underWay)
        {
            operation.IsCancelled = true;
            if (operation.Request.Kind != IoKind.Write || operation.SubmittedAt > _disk.World.Now) { continue; }
            _disk.ArriveInPart(operation.Request, _offsetBytes + operation.Request.OffsetBytes, operation.Early, powerCut);
        }
        _underWay.Clear();
    }

    private void OnServed(Operation operation)
    {
        _ = _underWay.Remove(operation);
        IoRequest request = operation.Request;
        operation.Status = _disk.Serve(request, _offsetBytes + request.OffsetBytes, operation.FlushUpTo, operation.Early);
        operation.ReturnEarly();
        _disk.World.Trace.Add(_disk.World.Now, _disk.Host.Name,
            operation.Status == Errno.None ? TraceKind.Disk : TraceKind.DiskFault,
            (long)request.Kind, _offsetBytes + request.OffsetBytes,
            operation.Status == Errno.None ? request.LengthBytes : (long)operation.Status);
        _seat.Source.Arrive(operation);
    }

    private static byte[] Gather(IoRequest request)
    {
        byte[] all = ArrayPool<byte>.Shared.Rent(request.LengthBytes);
        var blocks = new RequestBlocks(request);
        for (int at = 0; at < request.LengthBytes; at += Units.BlockBytes) { blocks.Next().CopyTo(all.AsSpan(at)); }
        return all;
    }
}
