namespace Fastblock.Native.Reactor;

/// <summary>Something to run once inside a reactor's loop.</summary>
internal interface IRunnable
{
    /// <summary>Must not block or throw.</summary>
    void Run();
}
