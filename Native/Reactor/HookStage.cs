namespace Fastblock.Native.Reactor;

/// <summary>When within an iteration's end a batch point is called. What an earlier stage produces goes out with a later one
/// in the same iteration; within a stage the order is that of registration.</summary>
internal enum HookStage
{
    /// <summary>Decisions that may append to logs and queue messages.</summary>
    Logic,

    /// <summary>Sends, before log writes: who gets them has work and a way back before it, and a write may take as long to start.</summary>
    Network,

    /// <summary>Log writes.</summary>
    Storage,
}
