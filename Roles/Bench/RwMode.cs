namespace Fastblock.Roles.Bench;

/// <summary>What `bench rw` does, named as fio names it.</summary>
internal enum RwMode : byte
{
    RandWrite,
    RandRead,
    Write,
    Read,
    RandRw,
}
