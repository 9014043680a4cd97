using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;
using Fastblock.Roles.Hosting;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Osd;

/// <summary>The device of one OSD process: a locked file or block device, or memory. Every reactor gets its own way in.</summary>
internal sealed class OsdDevice : IDisposable
{
    private const string MemoryPrefix = "mem:";

    /// <summary>One OSD populates this part of the machine's memory.</summary>
    private const int PopulatedPart = 16;

    private readonly UringFile? _file;
    private readonly long _memoryBytes;
    private readonly Dictionary<Reactor, IBlockDevice> _byReactor = []; // looked up, never iterated
    private MemoryDevice? _memory;

    private OsdDevice(UringFile? file, long memoryBytes) => (_file, _memoryBytes) = (file, memoryBytes);

    /// <summary>Its contents end with the process, so it is formatted anew at every start.</summary>
    public bool IsMemory => _file is null;

    /// <summary>For the log: what decides how fast it can be.</summary>
    public string Kind => _file switch
    {
        null => "memory",
        { IsDirect: true } => "O_DIRECT",
        _ => "the page cache: this file system has no O_DIRECT",
    };

    public long SizeBytes => _file?.SizeBytes ?? _memoryBytes;

    /// <summary>Opens and locks what exists; <c>mem:SIZE</c> makes a device in memory.</summary>
    public static OsdDevice Open(string path)
    {
        if (path.StartsWith(MemoryPrefix, StringComparison.Ordinal))
        {
            long bytes = SizeText.Parse(path[MemoryPrefix.Length..], "--device mem:SIZE");
            return new OsdDevice(null, Math.Max(Units.BlockBytes, bytes / Units.BlockBytes * Units.BlockBytes));
        }
        return new OsdDevice(DeviceFile.Open(path, "osd"), 0);
    }

    /// <summary>The way in for one reactor; the same one every time.</summary>
    public IBlockDevice On(Reactor reactor)
    {
        if (!_byReactor.TryGetValue(reactor, out IBlockDevice? device))
        {
            device = Make(reactor);
            _byReactor.Add(reactor, device);
        }
        return device;
    }

    private IBlockDevice Make(Reactor reactor)
    {
        if (_file is not null) { return new UringDevice(reactor, _file); }
        if (_memory is null) { return _memory = new MemoryDevice(reactor, _memoryBytes); }
        return new MemoryDevice(reactor, _memory);
    }

    /// <summary>A formatted device in memory: takes a share of the machine's memory for it before clients come, so that a benchmark
    /// does not measure how the kernel finds pages. Not all of it: several OSDs with large devices may share a small machine.</summary>
    public void Populate() => _memory?.Populate(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / PopulatedPart);

    /// <summary>Seats for <paramref name="shards"/> shards, spread over the reactors in turn.</summary>
    public List<ShardSeat> SeatsOn(IReadOnlyList<ServerSeat> reactors, int shards)
    {
        List<ShardSeat> seats = [];
        for (int shard = 0; shard < shards; shard++)
        {
            ServerSeat seat = reactors[shard % reactors.Count];
            seats.Add(new ShardSeat(seat.Reactor, seat.Transport, On(seat.Reactor)));
        }
        return seats;
    }

    public void Dispose()
    {
        _file?.Dispose();
        _memory?.Dispose();
    }
}
