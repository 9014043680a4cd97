using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Blobs;

/// <summary>Numbered records of one fixed size in unmanaged memory. Grows chunk by chunk, so a record's address never changes
/// and growing copies nothing. Freed numbers are used again, the newest first (deterministic).</summary>
internal sealed unsafe class ChunkedSlab : IDisposable
{
    /// <summary>"No record" in links.</summary>
    public const uint None = uint.MaxValue;

    private const int ChunkShift = 10;
    private const int ChunkRecords = 1 << ChunkShift;

    private readonly int _recordBytes;
    private byte*[] _chunks = new byte*[16];
    private int _chunkCount;
    private uint _end;
    private uint _freeHead = None;

    /// <param name="recordBytes">Size of a record: a multiple of 8, so that its fields are aligned.</param>
    public ChunkedSlab(int recordBytes)
    {
        Invariant.Require(recordBytes >= 8 && recordBytes % 8 == 0);
        _recordBytes = recordBytes;
    }

    /// <summary>Records in use.</summary>
    public int Count { get; private set; }

    /// <summary>All numbers ever handed out are below this.</summary>
    public uint End => _end;

    /// <summary>Start of record <paramref name="number"/>; fixed until <see cref="Dispose"/>.</summary>
    public byte* At(uint number) =>
        _chunks[number >> ChunkShift] + ((nint)(number & (ChunkRecords - 1)) * _recordBytes);

    /// <summary>A zeroed record.</summary>
    public uint Allocate()
    {
        uint number = _freeHead;
        if (number != None) { _freeHead = *(uint*)At(number); }
        else
        {
            number = _end++;
            if (number >> ChunkShift == _chunkCount) { AddChunk(); }
        }
        Count++;
        new Span<byte>(At(number), _recordBytes).Clear();
        return number;
    }

    public void Free(uint number)
    {
        Count--;
        *(uint*)At(number) = _freeHead;
        _freeHead = number;
    }

    public void Dispose()
    {
        for (int i = 0; i < _chunkCount; i++) { NativeMemory.Free(_chunks[i]); }
        _chunkCount = 0;
        GC.SuppressFinalize(this);
    }

    private void AddChunk()
    {
        if (_chunkCount == _chunks.Length)
        {
            byte*[] larger = new byte*[_chunks.Length * 2];
            Array.Copy(_chunks, larger, _chunkCount);
            _chunks = larger;
        }
        _chunks[_chunkCount++] = (byte*)NativeMemory.Alloc(ChunkRecords, (nuint)_recordBytes);
    }
}
