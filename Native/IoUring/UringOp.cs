namespace Fastblock.Native.IoUring;

/// <summary>The IORING_OP_* that we use.</summary>
internal enum UringOp : byte
{
    Nop = 0,
    Readv = 1,
    Writev = 2,
    Fsync = 3,
    ReadFixed = 4,
    WriteFixed = 5,
    SendMsg = 9,
    RecvMsg = 10,
    Accept = 13,
    AsyncCancel = 14,
    Connect = 16,
    Fallocate = 17,
    Read = 22,
    Write = 23,
    Send = 26,
    Recv = 27,
}
