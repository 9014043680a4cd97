using System;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>The device of a layer bench: memory, a file made for the run and removed after it, or what exists if it may be
/// destroyed (or is only read).</summary>
internal sealed class BenchDevice : IDisposable
{
    private const string MemoryPrefix = "mem:";

    private readonly UringFile? _file;
    private readonly MemoryDevice? _memory;
    private readonly bool _isOurs;

    /// <param name="writes">Whether what is there will be overwritten.</param>
    public BenchDevice(Reactor reactor, LayerOptions options, bool writes)
    {
        string path = options.Device;
        if (path.StartsWith(MemoryPrefix, StringComparison.Ordinal))
        {
            long bytes = SizeText.Parse(path[MemoryPrefix.Length..], "--device mem:SIZE") / Units.BlockBytes * Units.BlockBytes;
            Device = _memory = new MemoryDevice(reactor, Math.Max(bytes, Units.BlockBytes));
            IsNew = true;
            return;
        }
        if (!Path.Exists(path))
        {
            Errno made = UringFile.TryCreate(path, options.FileBytes);
            if (made is not Errno.None) { throw OperatorException.FromErrno(made, $"{path} cannot be made"); }
            IsNew = _isOurs = true;
        }
        else if (writes && !options.Overwrite)
        {
            throw new OperatorException(ExitCode.Exists, $"{path} exists and would be overwritten: choose a new path, or give --overwrite");
        }
        Errno error = UringFile.TryOpen(path, out _file, out string whyNot);
        if (_file is null) { throw new OperatorException(OperatorException.CodeOf(error), whyNot); }
        Device = new UringDevice(reactor, _file);
    }

    public IBlockDevice Device { get; }

    /// <summary>It holds nothing yet: reads would measure holes.</summary>
    public bool IsNew { get; }

    public void Dispose()
    {
        _memory?.Dispose();
        _file?.Dispose();
        if (_isOurs) { File.Delete(_file!.Path); }
    }
}
