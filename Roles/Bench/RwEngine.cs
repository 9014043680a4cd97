using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Bench;

/// <summary>Keeps a fixed number of I/Os in flight on an open image for a time. Phases: optional fill, the measured run,
/// optional check of everything written. Everything exists before a phase begins; an I/O allocates nothing. Runs on
/// the image's reactor.</summary>
internal sealed class RwEngine : IImageIoListener
{
    /// <summary>Largest piece that one write buffer holds; larger blocks take several.</summary>
    private const int BufferBytesMax = 512 << 10;

    private enum Phase : byte { Fill, Run, Check }

    /// <summary>Milliseconds without any I/O under way after which buffers are not waited for any longer.</summary>
    private const int MaxIdleTries = 1000;

    private readonly Reactor _reactor;
    private readonly IImage _image;
    private readonly RwOptions _options;
    private readonly BlockContent _content;
    private readonly BlockVersions _versions;
    private readonly Prng _prng;
    private readonly Slot[] _slots;
    private readonly ReactorSignal<bool> _phaseEnded = new();
    private Phase _phase;
    private long _nextBlock;
    private long _endNanos;
    private readonly Slot[] _starved;
    private int _starvedCount;
    private int _inFlight;
    private uint _lastVersion;
    private string? _failure;

    public RwEngine(Reactor reactor, IImage image, RwOptions options)
    {
        _reactor = reactor;
        _image = image;
        _options = options;
        long range = options.RangeBytes > 0 ? Math.Min(options.RangeBytes, image.SizeBytes) : image.SizeBytes;
        _versions = new BlockVersions(range / options.BlockBytes);
        Invariant.Require(_versions.Count > options.QueueDepth); // checked by the command
        _content = new BlockContent(options.BlockBytes, options.Seed);
        _prng = new Prng(options.Seed);
        _slots = new Slot[options.QueueDepth];
        _starved = new Slot[options.QueueDepth];
        for (int i = 0; i < _slots.Length; i++) { _slots[i] = new Slot(this); }
    }

    /// <summary>I/Os completed in the measured run so far.</summary>
    public long Operations { get; private set; }

    /// <summary>Blocks compared so far.</summary>
    public long Verified { get; private set; }

    public LatencyHistogram Latency { get; } = new();

    /// <summary>What went wrong: the first I/O error or difference; null while all is well.</summary>
    public string? Failure => _failure;

    /// <summary>Writes the whole range once.</summary>
    public ReactorTask FillAsync() => RunPhaseAsync(Phase.Fill, long.MaxValue);

    /// <summary>The measured run.</summary>
    public ReactorTask RunAsync() => RunPhaseAsync(Phase.Run, _reactor.Clock.NowNanos + _options.DurationNanos);

    /// <summary>Reads back and compares every block that was written.</summary>
    public ReactorTask CheckAsync() => RunPhaseAsync(Phase.Check, long.MaxValue);

    void IImageIoListener.OnCompleted(ImageIo io) => ((Slot)io.Owner!).OnCompleted();

    private async ReactorTask RunPhaseAsync(Phase phase, long endNanos)
    {
        if (_failure is not null) { return; }
        _phase = phase;
        _nextBlock = 0;
        _endNanos = endNanos;
        _starvedCount = 0;
        _phaseEnded.Reset();
        foreach (Slot slot in _slots) { Next(slot); }
        int idleTries = 0;
        while (true)
        {
            if (_inFlight > 0)
            {
                _ = await _phaseEnded;
                _phaseEnded.Reset();
                idleTries = 0;
            }
            if (_starvedCount == 0 || _failure is not null || _reactor.Clock.NowNanos >= _endNanos) { return; }
            if (++idleTries > MaxIdleTries)
            {
                _failure = "no buffer is free: try a smaller --bs or --qd";
                return;
            }
            // Buffers come back a moment after the I/O that used them.
            await _reactor.Delay(Units.NanosPerMilli);
            for (int n = _starvedCount; n > 0; n--)
            {
                Slot slot = _starved[--_starvedCount];
                Next(slot);
                if (_starvedCount > 0 && _starved[_starvedCount - 1] == slot) { break; }
            }
        }
    }

    /// <summary>Starts a slot's next I/O, or lets it rest when the phase is over.</summary>
    private void Next(Slot slot)
    {
        long now = _reactor.Clock.NowNanos;
        long block = _failure is null && now < _endNanos ? ChooseBlock() : -1;
        if (block < 0) { return; }
        bool isWrite = _phase switch
        {
            Phase.Fill => true,
            Phase.Check => false,
            _ => _options.Mode is RwMode.RandWrite or RwMode.Write || (_options.Mode is RwMode.RandRw && _prng.Chance(500_000)),
        };
        if (slot.TryStart(block, isWrite, isWrite ? ++_lastVersion : _versions.VersionOf(block), now))
        {
            _versions.Begin(block);
            _inFlight++;
            _image.Submit(slot.Io);
        }
        else { _starved[_starvedCount++] = slot; }
    }

    /// <summary>-1 = the phase has no more.</summary>
    private long ChooseBlock()
    {
        if (_phase is Phase.Run && _options.IsRandom)
        {
            long block;
            do { block = (long)_prng.Below((ulong)_versions.Count); } while (_versions.IsBusy(block));
            return block;
        }
        if (_phase is Phase.Run)
        {
            while (_versions.IsBusy(_nextBlock % _versions.Count)) { _nextBlock++; }
            return _nextBlock++ % _versions.Count;
        }
        while (_phase is Phase.Check && _nextBlock < _versions.Count && _versions.VersionOf(_nextBlock) == 0) { _nextBlock++; }
        return _nextBlock < _versions.Count ? _nextBlock++ : -1;
    }

    private void OnSlotDone(Slot slot, long nanos)
    {
        ImageIo io = slot.Io;
        _inFlight--;
        if (io.Status is not Errno.None)
        {
            _failure ??= $"{(slot.IsWrite ? "write" : "read")} of {io.LengthBytes} bytes at {io.OffsetBytes} failed: {Config.ErrnoText.Of(io.Status)}";
        }
        else if (!slot.IsWrite && _options.Verify && slot.Version != 0) { Compare(slot); }
        _versions.End(slot.Block, io.Status is Errno.None || !slot.IsWrite ? slot.Version : 0);
        if (_phase is Phase.Run)
        {
            Operations++;
            Latency.Record(nanos);
        }
        slot.Release();
        Next(slot);
        if (_starvedCount > 0 && _inFlight > 0) { Next(_starved[--_starvedCount]); }
        if (_inFlight == 0) { _phaseEnded.Set(true); }
    }

    private void Compare(Slot slot)
    {
        Verified++;
        int at = 0;
        foreach (ref readonly ReadPiece piece in slot.Io.Pieces)
        {
            bool matches = piece.Buffer is not null
                && _content.Matches(piece.Buffer.Span(piece.Offset, piece.Length), slot.Block, slot.Version, at);
            if (!matches)
            {
                _failure ??= $"block {slot.Block} (offset {slot.Block * _options.BlockBytes} + {at}) is not as written: version {slot.Version} was "
                    + $"acknowledged, found {(piece.Buffer is null ? "a hole" : FirstDifference(slot, piece, at))}";
                return;
            }
            at += piece.Length;
        }
    }

    private string FirstDifference(Slot slot, in ReadPiece piece, int at)
    {
        ReadOnlySpan<byte> bytes = piece.Buffer!.Span(piece.Offset, piece.Length);
        for (int sector = 0; sector < piece.Length; sector += Units.SectorBytes)
        {
            ReadOnlySpan<byte> one = bytes.Slice(sector, Units.SectorBytes);
            if (!_content.Matches(one, slot.Block, slot.Version, at + sector)) { return _content.Describe(one) + $" at byte {at + sector}"; }
        }
        return "no difference on a second look";
    }

    /// <summary>One I/O in flight with its buffers.</summary>
    private sealed class Slot
    {
        private readonly RwEngine _engine;
        private readonly PooledBuffer?[] _buffers;
        private long _startedNanos;

        public Slot(RwEngine engine)
        {
            _engine = engine;
            _buffers = new PooledBuffer?[(engine._options.BlockBytes + BufferBytesMax - 1) / BufferBytesMax];
            Io = new ImageIo(engine) { Owner = this };
        }

        public ImageIo Io { get; }
        public long Block { get; private set; }
        public bool IsWrite { get; private set; }

        /// <summary>Written, or expected by a read.</summary>
        public uint Version { get; private set; }

        /// <summary>False when no buffer is free: the slot rests until another I/O has given some back.</summary>
        public bool TryStart(long block, bool isWrite, uint version, long now)
        {
            (Block, IsWrite, Version, _startedNanos) = (block, isWrite, version, now);
            int bytes = _engine._options.BlockBytes;
            Io.Prepare(isWrite ? ImageOp.Write : ImageOp.Read, block * bytes, bytes);
            if (!isWrite) { return true; }
            for (int i = 0, at = 0; i < _buffers.Length; i++)
            {
                int length = Math.Min(BufferBytesMax, bytes - at);
                PooledBuffer? buffer = _engine._reactor.Buffers.TryRent(length);
                _buffers[i] = buffer;
                if (buffer is null)
                {
                    Release();
                    return false;
                }
                _engine._content.Fill(buffer.Span(0, length), block, version, at);
                Io.AddData(buffer, 0, length);
                at += length;
            }
            return true;
        }

        public void OnCompleted() => _engine.OnSlotDone(this, _engine._reactor.Clock.NowNanos - _startedNanos);

        public void Release()
        {
            Io.Reset();
            for (int i = 0; i < _buffers.Length; i++)
            {
                _buffers[i]?.Release();
                _buffers[i] = null;
            }
        }
    }
}
