using System.CommandLine;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock fsck --compare</c>: proves that all replicas of a running cluster hold the same bytes.</summary>
internal static class FsckCommand
{
    public static Command Create()
    {
        Argument<string?> pool = new("pool") { Description = "Only this pool.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> compare = new("--compare") { Description = "Every replica of every PG reads all its blocks, checks their checksums and sends one digest; they must be equal." };
        ManualCommand fsck = new("fsck", "Prove that what is stored is consistent.", "fastblock fsck --compare", "fastblock fsck --compare vol --timeout 300 --json");
        fsck.Arguments.Add(pool);
        fsck.Options.Add(compare);
        return fsck.Does(parsed =>
        {
            if (!parsed.GetValue(compare)) { throw new OperatorException(ExitCode.Usage, "say what to check: --compare compares the replicas of a running cluster"); }
            string? wanted = parsed.GetValue(pool) is string name ? ImageSpec.ParseName(name, "pool") : null;
            return ClusterSession.Run(parsed, session => new ReplicaCompare(session).RunAsync(wanted));
        });
    }
}
