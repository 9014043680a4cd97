namespace Fastblock.Storage.Blobs;

/// <summary>Marks one read as under way; see <see cref="ReadPins"/>. Pooled with the read that owns it.</summary>
internal sealed class ReadPin
{
    internal ulong Ticket { get; set; }
    internal ReadPin? Older { get; set; }
    internal ReadPin? Newer { get; set; }

    public bool IsActive => Ticket != 0;
}
