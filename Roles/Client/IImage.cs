namespace Fastblock.Roles.Client;

/// <summary>An open image, as front ends see it. Belongs to one reactor's thread.</summary>
internal interface IImage
{
    /// <summary>pool/image, for humans.</summary>
    string Name { get; }

    /// <summary>Present size in bytes, a multiple of 512; may change while open.</summary>
    long SizeBytes { get; }

    bool IsReadOnly { get; }

    /// <summary>Starts an I/O of any alignment down to 512 bytes. Never fails and never completes from within: every outcome
    /// comes by the listener. The I/O and the buffers it names belong to the image until then.</summary>
    void Submit(ImageIo io);
}
