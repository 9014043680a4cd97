using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>One read of whole blocks of one object. Pooled by its owner: derive from it, call <see cref="Prepare"/>, hand it
/// to <see cref="ObjectStore.Read"/> and get the outcome in <see cref="OnCompleted"/>, never before Read has returned.</summary>
internal abstract unsafe class ObjectRead : IRunnable
{
    /// <summary>Where a block's contents come from.</summary>
    internal enum Source : byte
    {
        Hole,
        Log,
        Home,
    }

    private uint[] _crcs = [];
    private Source[] _sources = [];

    public PgId Group { get; private set; }
    public ObjectId Object { get; private set; }
    public int FirstBlock { get; private set; }
    public int Blocks { get; private set; }

    /// <summary>Where the data goes; the caller's reference must live until <see cref="OnCompleted"/>.</summary>
    public PooledBuffer? Buffer { get; private set; }

    /// <summary>Where in <see cref="Buffer"/> the first block goes; a multiple of 4096.</summary>
    public int BufferOffset { get; private set; }

    /// <summary>CRC-32C of each block read (of zeros for a hole). Valid in and after a successful completion, after another one
    /// when <see cref="KnowsCrcs"/> says so.</summary>
    public ReadOnlySpan<uint> Crcs => _crcs.AsSpan(0, Blocks);

    /// <summary>With BadMessage: the first block of the object whose contents do not match their checksum, else -1.</summary>
    public int BadBlock { get; internal set; } = -1;

    /// <summary>After a failure: whether <see cref="Crcs"/> says what the blocks should be, or their checksums are lost as well.</summary>
    public bool KnowsCrcs { get; internal set; } = true;

    /// <summary>Raft index of the object's last change that the read saw; 0 = the object does not exist.</summary>
    public ulong Version { get; internal set; }

    /// <summary>Sets up the next read; not while one is under way.</summary>
    public void Prepare(PgId group, ObjectId obj, int firstBlock, int blocks, PooledBuffer buffer, int bufferOffset = 0)
    {
        Invariant.Require(!Pin.IsActive);
        Invariant.Require(bufferOffset >= 0 && bufferOffset % Units.BlockBytes == 0);
        Invariant.Require(blocks >= 0 && blocks <= (buffer.Capacity - bufferOffset) / Units.BlockBytes);
        (Group, Object, FirstBlock, Blocks, Buffer, BufferOffset) = (group, obj, firstBlock, blocks, buffer, bufferOffset);
        if (_crcs.Length < blocks)
        {
            _crcs = new uint[blocks];
            _sources = new Source[blocks];
        }
        BadBlock = -1;
        Version = 0;
        KnowsCrcs = true;
    }

    /// <summary>The outcome, inside the reactor's loop: None, BadMessage (a checksum does not match: see
    /// <see cref="BadBlock"/>, the buffer is undefined), Invalid (outside the object) or Io. The op may be prepared again from
    /// here.</summary>
    protected abstract void OnCompleted(Errno status);

    internal ReadPin Pin { get; } = new();
    internal ObjectStore? Store { get; set; }
    internal Span<uint> ExpectedCrcs => _crcs.AsSpan(0, Blocks);
    internal Span<Source> Sources => _sources.AsSpan(0, Blocks);

    /// <summary>Device requests under way.</summary>
    internal int Outstanding { get; set; }

    internal Errno Status { get; set; }

    /// <summary>Memory that the checksum page is being read into, or null.</summary>
    internal byte* Scratch { get; set; }

    internal uint ScratchPage { get; set; }
    internal uint ScratchSum { get; set; }

    internal byte* BlockAt(int index) => Buffer!.Pointer + BufferOffset + ((nint)index * Units.BlockBytes);

    internal void Complete(Errno status) => OnCompleted(status);

    void IRunnable.Run() => Store!.FinishRead(this);
}
