using Fastblock.Native.Base;

namespace Fastblock.Roles.Bench;

/// <summary>What the benchmark knows of every block in its range: the version last acknowledged (0 = never written by this
/// run) and whether an I/O is on it now. Two I/Os never meet on a block, so a read has exactly one right answer.</summary>
internal sealed class BlockVersions(long blocks)
{
    private const uint BusyBit = 1u << 31;

    private readonly uint[] _state = new uint[blocks];

    public long Count => _state.Length;

    /// <summary>The version that a read must find; 0 = unknown content.</summary>
    public uint VersionOf(long block) => _state[block] & ~BusyBit;

    public bool IsBusy(long block) => (_state[block] & BusyBit) != 0;

    public void Begin(long block)
    {
        Invariant.Require(!IsBusy(block));
        _state[block] |= BusyBit;
    }

    /// <summary>Ends an I/O; a write leaves its version behind.</summary>
    public void End(long block, uint version)
    {
        Invariant.Require(IsBusy(block));
        _state[block] = version & ~BusyBit;
    }
}
