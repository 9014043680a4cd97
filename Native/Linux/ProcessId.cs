using System.Globalization;

namespace Fastblock.Native.Linux;

/// <summary>One run of one process. Text form, as in pid files: "pid start".</summary>
internal readonly record struct ProcessId(int Pid, long StartTicks)
{
    public static bool TryParse(string text, out ProcessId id)
    {
        id = default;
        string[] parts = text.Trim().Split(' ');
        if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long start)) { return false; }
        id = new ProcessId(pid, start);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Pid} {StartTicks}");
}
