using Fastblock.Raft;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>A message on its way.</summary>
internal sealed class RaftLetter(RaftMessage message, RaftEntry[] entries)
{
    private readonly RaftMessage _message = message;

    public ref readonly RaftMessage Message => ref _message;
    public RaftEntry[] Entries { get; } = entries;
}
