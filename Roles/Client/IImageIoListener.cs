namespace Fastblock.Roles.Client;

/// <summary>Who waits for an <see cref="ImageIo"/>.</summary>
internal interface IImageIoListener
{
    /// <summary>The I/O is over; its status and results are set and it belongs to its owner again. Comes inside the
    /// reactor's loop, never from within the Submit that started it. New I/O may be submitted from here.</summary>
    void OnCompleted(ImageIo io);
}
