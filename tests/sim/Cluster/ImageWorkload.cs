using System;
using System.Buffers;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>Random I/O of one client on one open image, every operation told to the image's history. Crowds around a few hot
/// spots (object borders among them), so that operations meet.</summary>
internal sealed class ImageWorkload : IImageIoListener
{
    private sealed class Pending
    {
        /// <summary>Null: it goes beyond the end that the client knows, and must be refused without having been sent.</summary>
        public required ImageHistory.Operation? History { get; init; }
        public required long SinceNanos { get; init; }
        public PooledBuffer? Buffer { get; init; }
        public required int Sectors { get; init; }
        public required long FirstSector { get; init; }
    }

    private readonly ClusterScenario _scenario;
    private readonly ImageLife _life;
    private readonly ImageHistory _history;
    private readonly SimSeat _seat;
    private readonly IImage _image;
    private readonly int _client;
    private readonly Stack<ImageIo> _free = new();

    /// <summary>Then the image is opened anew, which rules them out: the checker can keep only so many under way.</summary>
    private const int MaxRefused = 16;
    private int _refused;
    private bool _stopped;

    /// <param name="client">Number of this opening: what an earlier one left behind is told apart by it.</param>
    public ImageWorkload(ClusterScenario scenario, ImageLife life, SimSeat seat, IImage image, int client)
    {
        _scenario = scenario;
        _life = life;
        _history = life.History;
        _seat = seat;
        _image = image;
        _client = client;
    }

    /// <summary>I/Os under way.</summary>
    public int UnderWay { get; private set; }
    public int Completed { get; private set; }

    /// <summary>The image answered that somebody else owns it, or that it is closed.</summary>
    public bool IsFenced { get; private set; }

    /// <summary>Begins no new I/O.</summary>
    public void Stop() => _stopped = true;

    /// <summary>Runs in the client's loop, every few milliseconds: begins as many I/Os as may be under way. Not from
    /// completions, so that a fast cluster does not make a run dear.</summary>
    public void Fill()
    {
        while (!_stopped && !IsFenced && UnderWay < _scenario.Draw.Depth && TrySubmitOne()) { }
    }

    /// <summary>Reads a range and checks it; for the end of a run.</summary>
    public bool TryRead(long firstSector, int sectors) => TrySubmit(ImageOp.Read, firstSector, sectors);

    public void OnCompleted(ImageIo io)
    {
        var pending = (Pending)io.Owner!;
        UnderWay--;
        Completed++;
        SimWorld world = _scenario.World;
        world.Trace.Add(world.Now, _seat.Process.Host.Name, TraceKind.Return, ((long)io.Op << 32) | (uint)_client, pending.FirstSector, (long)io.Status);
        Judge(io, pending);
        io.Reset();
        if (pending.Buffer != null) { Drop(pending.Buffer); }
        _free.Push(io);
    }

    private void Judge(ImageIo io, Pending pending)
    {
        long end = io.OffsetBytes + io.LengthBytes;
        if (pending.History == null)
        {
            if (io.Status == Errno.None) { throw new SimFailure($"client {_client} was let beyond the end of its image, to {end}"); }
            Reached.Mark("sim: I/O beyond the end refused by the client");
            IsFenced |= io.Status != Errno.Invalid;
            return;
        }
        // Ruled out by a newer owner meanwhile: it may have happened before that.
        if (pending.History.IsOver) { return; }
        if (io.Status == Errno.None && !_life.Sizes.MayReach(end, pending.SinceNanos))
        {
            throw new SimFailure($"client {_client} did {io.Op} up to {end}, where image {_life.Id} had ended for long");
        }
        switch (io.Status)
        {
            case Errno.Invalid when _life.Sizes.MayRefuse(end, pending.SinceNanos):
                // Parts of a write may have been carried out, or still be: it stays under way until the next owner rules it out.
                Reached.Mark("sim: I/O beyond a cut refused by an OSD");
                if (io.Op == ImageOp.Read) { _history.EndUnknown(pending.History); }
                else { IsFenced |= ++_refused == MaxRefused; }
                break;
            case Errno.NotFound when !_scenario.KeepsImages:
                Reached.Mark("sim: image removed under its client");
                IsFenced = true;
                if (io.Op == ImageOp.Read) { _history.EndUnknown(pending.History); }
                break;
            case Errno.None when io.Op == ImageOp.Read:
                byte[] data = ArrayPool<byte>.Shared.Rent(pending.Sectors * Units.SectorBytes);
                Span<byte> sectors = data.AsSpan(0, pending.Sectors * Units.SectorBytes);
                io.CopyTo(sectors);
                _history.EndRead(pending.History, sectors);
                ArrayPool<byte>.Shared.Return(data);
                break;
            case Errno.None:
                _history.EndWrite(pending.History);
                break;
            case Errno.Stale or Errno.ShutDown:
                // Fenced: what is under way may still land, until the new owner has opened the image.
                IsFenced = true;
                if (io.Op == ImageOp.Read) { _history.EndUnknown(pending.History); }
                break;
            case Errno.Io when _scenario.MayReadFail && io.Op == ImageOp.Read:
                Reached.Mark("sim: read answered with an error");
                _history.EndUnknown(pending.History);
                break;
            case Errno.Io when _scenario.MayReadFail:
                // A block that it is to be merged with cannot be read. An earlier attempt may still be in somebody's log, so it
                // stays under way until the next owner rules it out.
                Reached.Mark("sim: write answered with an error");
                break;
            case Errno.NoSpace:
                Reached.Mark("sim: write answered with no space");
                _history.EndUnknown(pending.History);
                break;
            default:
                throw new SimFailure($"client {_client} got {io.Status} for {io.Op} at sector {pending.FirstSector}");
        }
    }

    private bool TrySubmitOne()
    {
        Prng prng = _scenario.World.Prng;
        ClusterDraw draw = _scenario.Draw;
        int sectors = 1 + prng.Below(prng.Below(draw.LargeOneIn) == 0 ? draw.MaxSectors : Math.Min(16, draw.MaxSectors));
        if (prng.Below(4) == 0) { sectors = Math.Max(8, sectors / 8 * 8); } // whole blocks, as file systems do
        long count = _image.SizeBytes / Units.SectorBytes;
        if (_scenario.BeyondEvery > 0 && prng.Below(_scenario.BeyondEvery) == 0) { count = _history.SectorCount; }
        sectors = (int)Math.Min(sectors, count);
        long around = _scenario.HotSpot(_history, prng.Below(draw.HotSpots));
        long first = Math.Clamp(around - prng.Below(sectors + 8) + 4, 0, count - sectors);
        if (sectors % 8 == 0) { first = first / 8 * 8; }
        int kind = prng.Below(100);
        ImageOp op = kind < draw.ReadPercent || _image.IsReadOnly ? ImageOp.Read
            : kind >= 100 - _scenario.ZeroPercent ? (prng.Below(2) == 0 ? ImageOp.Discard : ImageOp.WriteZeroes)
            : ImageOp.Write;
        if (op is ImageOp.Discard or ImageOp.WriteZeroes)
        {
            sectors = (int)Math.Min(_scenario.ZeroSectors(sectors), count - first);
        }
        return TrySubmit(op, first, sectors);
    }

    private bool TrySubmit(ImageOp op, long first, int sectors)
    {
        PooledBuffer? buffer = null;
        long write = 0;
        if (op == ImageOp.Write)
        {
            buffer = _seat.Buffers.TryRent(sectors * Units.SectorBytes);
            if (buffer == null) { return false; }
            write = _scenario.NextWrite();
            for (int i = 0; i < sectors; i++)
            {
                Stamp.Fill(buffer.Span(i * Units.SectorBytes, Units.SectorBytes), _history.Image, first + i, write);
            }
        }
        ImageIo io = _free.Count > 0 ? _free.Pop() : new ImageIo(this);
        io.Prepare(op, first * Units.SectorBytes, (long)sectors * Units.SectorBytes);
        if (buffer != null) { io.AddData(buffer, 0, sectors * Units.SectorBytes); }
        bool isBeyond = (first + sectors) * Units.SectorBytes > _image.SizeBytes;
        io.Owner = new Pending
        {
            SinceNanos = _scenario.World.Now,
            History = isBeyond ? null : op == ImageOp.Read ? _history.BeginRead(_client, first, sectors) : _history.BeginWrite(_client, first, sectors, write),
            Buffer = buffer,
            Sectors = sectors,
            FirstSector = first,
        };
        UnderWay++;
        SimWorld world = _scenario.World;
        world.Trace.Add(world.Now, _seat.Process.Host.Name, TraceKind.Invoke, ((long)op << 32) | (uint)_client, first, sectors,
            world.Trace.IsVerbose ? $"{op} write {write}" : null);
        _image.Submit(io);
        return true;
    }

    /// <summary>A repetition may still be queued with the buffer: it must keep its bytes until that is over. Released at once;
    /// the pool gets it when the last reference goes.</summary>
    private static void Drop(PooledBuffer buffer) => buffer.Release();
}
