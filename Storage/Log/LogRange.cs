namespace Fastblock.Storage.Log;

/// <summary>Consecutive blocks of the log.</summary>
internal readonly record struct LogRange(LogLocation Start, int Blocks);
