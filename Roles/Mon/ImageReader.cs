using System;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Mon;

/// <summary>A client that has an image open for reading only.</summary>
/// <param name="Instance">Uuid of the client process.</param>
/// <param name="Description">For people: host, pid, front end.</param>
internal sealed record ImageReader(ImageId Image, Guid Instance, string Description, long HeardNanos);
