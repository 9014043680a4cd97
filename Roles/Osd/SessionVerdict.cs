namespace Fastblock.Roles.Osd;

/// <summary>What becomes of a request, seen from the replicated session state alone.</summary>
internal enum SessionVerdict
{
    /// <summary>Not seen before: do it.</summary>
    Fresh,

    /// <summary>Done already: answer success, change nothing.</summary>
    Duplicate,

    /// <summary>Below the session's lowest unfinished sequence: its client has long had an answer. Change nothing.</summary>
    Finished,

    /// <summary>So far ahead that the window cannot remember it: the client has to wait.</summary>
    BeyondWindow,

    /// <summary>A newer owner is known.</summary>
    StaleOwner,

    /// <summary>This generation never opened a session here, or has closed it.</summary>
    UnknownSession,

    /// <summary>Outside of the image, which was cut after the leader had looked at its size.</summary>
    BeyondSize,
}
