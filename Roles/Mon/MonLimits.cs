using Fastblock.Native.Base;

namespace Fastblock.Roles.Mon;

/// <summary>Bounds of what a monitor keeps and does at once.</summary>
internal static class MonLimits
{
    /// <summary>Outcomes of commands kept for repetitions: far more than clients repeat within their time-outs.</summary>
    public const int RememberedRequests = 1024;

    /// <summary>Revisions whose changed keys are kept for watchers that lag; behind them a watcher gets the whole map.</summary>
    public const int HistoryRevisions = 1024;

    /// <summary>Changed keys kept over all those revisions: a pool of many PGs is one revision with many keys.</summary>
    public const int HistoryKeys = 65_536;

    /// <summary>Commands that wait for their turn; beyond it they are answered Again.</summary>
    public const int QueuedCommands = 4096;

    /// <summary>Monitors that stay: five, and room to replace one or two at once. With as many outgoing ones they are still within
    /// what one configuration can name.</summary>
    public const int Monitors = 7;

    /// <summary>Watchers of one monitor.</summary>
    public const int Watchers = 4096;

    /// <summary>Bytes of keys and values in one push; larger changes come in parts.</summary>
    public const int PushBytes = (int)(256 * Units.KiB);

    /// <summary>Largest transaction: a pool with the most PGs has about 2 MiB of records.</summary>
    public const int TransactionBytes = (int)(4 * Units.MiB);

    /// <summary>PGs per transaction when their state changes: keeps each one short.</summary>
    public const int PgsPerTransaction = 1024;

    /// <summary>Readers of images that are remembered, in all.</summary>
    public const int Readers = 4096;

    /// <summary>Images with something to be freed that a status names.</summary>
    public const int FreeingListed = 64;
}
