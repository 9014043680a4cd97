using Fastblock.Native.Base;

namespace Fastblock.Roles.Client;

/// <summary>Hears that an open image can never be used again by this client.</summary>
internal interface IImageFaultListener
{
    /// <param name="status">Stale = another client owns it now; NotFound = it was removed. Every I/O ends with it.</param>
    void OnImageFault(Errno status, string text);
}
