using System;

namespace Fastblock;

internal static class Program
{
    private static int Main(string[] args)
    {
        Console.WriteLine("fastblock " + args.Length);
        return 0;
    }
}
