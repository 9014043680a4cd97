using System;
using System.IO;
using System.Text;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Config;

/// <summary>Log lines to stderr, each one written by one call, so that lines of several processes on one terminal or
/// file do not mix. A closed or full stderr loses lines, never the process.</summary>
internal sealed class StderrLogOutput : ILogOutput
{
    private readonly Stream _stderr = Console.OpenStandardError();

    public void Write(string line)
    {
        try
        {
            _stderr.Write(Encoding.UTF8.GetBytes(line + "\n"));
        }
        catch (IOException)
        {
            // Nobody is left to tell.
        }
    }
}
