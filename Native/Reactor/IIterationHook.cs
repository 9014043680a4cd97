namespace Fastblock.Native.Reactor;

/// <summary>A batch point: what was gathered during one iteration of the loop goes out together (the log's group commit, a
/// transport's sends).</summary>
internal interface IIterationHook
{
    /// <summary>Called at the end of every iteration, before the event source submits.</summary>
    void OnIterationEnd();
}
