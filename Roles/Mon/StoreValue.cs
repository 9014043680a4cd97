namespace Fastblock.Roles.Mon;

/// <summary>A value of the store and the revision of its last change. The bytes are never changed.</summary>
internal readonly record struct StoreValue(byte[] Bytes, ulong Revision);
