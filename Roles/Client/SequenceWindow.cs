using Fastblock.Native.Base;

namespace Fastblock.Roles.Client;

/// <summary>Numbers the logged requests of one session in one PG, and knows the lowest one that has no answer yet: with it
/// the OSDs forget what can never come again. Pure.</summary>
internal sealed class SequenceWindow
{
    /// <summary>Numbers that may be unanswered at once. Half of what an OSD remembers, because its own idea of the lowest
    /// unfinished number may be one window behind ours.</summary>
    public const int Size = 512;

    private readonly ulong[] _finished = new ulong[Size / 64];

    /// <summary>The number that the next request gets.</summary>
    public ulong Next { get; private set; } = 1;

    /// <summary>Everything below is answered.</summary>
    public ulong LowestUnfinished { get; private set; } = 1;

    public bool HasRoom => Next - LowestUnfinished < Size;

    /// <summary>Takes the next number; there must be room.</summary>
    public ulong Take()
    {
        Invariant.Require(HasRoom);
        return Next++;
    }

    /// <summary>The request with this number got its final answer, or nobody will ever send it again.</summary>
    public void Finish(ulong sequence)
    {
        Invariant.Require(sequence >= LowestUnfinished && sequence < Next);
        Invariant.Require(!IsFinished(sequence));
        _finished[sequence % Size / 64] |= 1UL << (int)(sequence % 64);
        while (LowestUnfinished < Next && IsFinished(LowestUnfinished))
        {
            _finished[LowestUnfinished % Size / 64] &= ~(1UL << (int)(LowestUnfinished % 64));
            LowestUnfinished++;
        }
    }

    private bool IsFinished(ulong sequence) => (_finished[sequence % Size / 64] >> (int)(sequence % 64) & 1) != 0;
}
