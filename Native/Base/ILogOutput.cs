namespace Fastblock.Native.Base;

/// <summary>Where finished log lines go: stderr in production, a list or nowhere in tests. Called from any thread.</summary>
internal interface ILogOutput
{
    void Write(string line);
}
