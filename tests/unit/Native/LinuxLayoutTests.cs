using System;
using System.Runtime.CompilerServices;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Xunit;

namespace Fastblock.Tests.Unit.Native;

/// <summary>Sizes and offsets of everything that we share with the kernel, against what a C program (gcc, x86-64, linux/io_uring.h
/// of 6.1) printed with sizeof and offsetof.</summary>
public sealed unsafe class LinuxLayoutTests
{
    [Fact]
    public void Submission_entries_are_as_in_C()
    {
        UringSqe sqe = default;
        Assert.Equal(64, sizeof(UringSqe));
        Assert.Equal(0, Offset(ref sqe, ref sqe.Opcode));
        Assert.Equal(1, Offset(ref sqe, ref sqe.Flags));
        Assert.Equal(2, Offset(ref sqe, ref sqe.IoPriority));
        Assert.Equal(4, Offset(ref sqe, ref sqe.Fd));
        Assert.Equal(8, Offset(ref sqe, ref sqe.Offset));
        Assert.Equal(16, Offset(ref sqe, ref sqe.Address));
        Assert.Equal(24, Offset(ref sqe, ref sqe.Length));
        Assert.Equal(28, Offset(ref sqe, ref sqe.OpFlags));
        Assert.Equal(32, Offset(ref sqe, ref sqe.UserData));
        Assert.Equal(40, Offset(ref sqe, ref sqe.BufferIndex));
        Assert.Equal(42, Offset(ref sqe, ref sqe.Personality));
        Assert.Equal(44, Offset(ref sqe, ref sqe.FileIndex));
        Assert.Equal(48, Offset(ref sqe, ref sqe.Address3));
    }

    [Fact]
    public void Completions_parameters_and_arguments_are_as_in_C()
    {
        UringCqe cqe = default;
        Assert.Equal(16, sizeof(UringCqe));
        Assert.Equal(8, Offset(ref cqe, ref cqe.Result));
        Assert.Equal(12, Offset(ref cqe, ref cqe.Flags));
        UringParams p = default;
        Assert.Equal(120, sizeof(UringParams));
        Assert.Equal(8, Offset(ref p, ref p.Flags));
        Assert.Equal(20, Offset(ref p, ref p.Features));
        Assert.Equal(24, Offset(ref p, ref p.WorkerQueueFd));
        Assert.Equal(40, Offset(ref p, ref p.SqHead));
        Assert.Equal(40 + 8, Offset(ref p, ref p.SqRingMask));
        Assert.Equal(40 + 16, Offset(ref p, ref p.SqFlags));
        Assert.Equal(40 + 24, Offset(ref p, ref p.SqArray));
        Assert.Equal(80, Offset(ref p, ref p.CqHead));
        Assert.Equal(80 + 16, Offset(ref p, ref p.CqOverflow));
        Assert.Equal(80 + 20, Offset(ref p, ref p.CqCqes));
        Assert.Equal(80 + 24, Offset(ref p, ref p.CqFlags));
        UringWaitArgument wait = default;
        Assert.Equal(24, sizeof(UringWaitArgument));
        Assert.Equal(8, Offset(ref wait, ref wait.SignalMaskBytes));
        Assert.Equal(16, Offset(ref wait, ref wait.Timeout));
        UringResourceUpdate update = default;
        Assert.Equal(16, sizeof(UringResourceUpdate));
        Assert.Equal(8, Offset(ref update, ref update.Data));
    }

    [Fact]
    public void Structures_of_the_C_library_are_as_in_C()
    {
        FileStatus status = default;
        Assert.Equal(144, sizeof(FileStatus));
        Assert.Equal(8, Offset(ref status, ref status.Inode));
        Assert.Equal(24, Offset(ref status, ref status.Mode));
        Assert.Equal(48, Offset(ref status, ref status.SizeBytes));
        Assert.Equal(64, Offset(ref status, ref status.Sectors));
        FileLock fileLock = default;
        Assert.Equal(32, sizeof(FileLock));
        Assert.Equal(2, Offset(ref fileLock, ref fileLock.Whence));
        Assert.Equal(8, Offset(ref fileLock, ref fileLock.Start));
        Assert.Equal(16, Offset(ref fileLock, ref fileLock.Length));
        Assert.Equal(24, Offset(ref fileLock, ref fileLock.Pid));
        MessageHeader header = default;
        Assert.Equal(56, sizeof(MessageHeader));
        Assert.Equal(8, Offset(ref header, ref header.NameBytes));
        Assert.Equal(16, Distance(&header, &header.Vectors));
        Assert.Equal(24, Offset(ref header, ref header.VectorCount));
        Assert.Equal(32, Distance(&header, &header.Control));
        Assert.Equal(40, Offset(ref header, ref header.ControlBytes));
        Assert.Equal(48, Offset(ref header, ref header.Flags));
        Assert.Equal(16, sizeof(IoVector));
        Assert.Equal(16, sizeof(Timespec));
        Assert.Equal(16, sizeof(ResourceLimit));
        Assert.True(sizeof(SocketAddress) >= 110);
    }

    [Theory]
    [InlineData("127.0.0.1", 7000)]
    [InlineData("255.254.253.252", 65535)]
    [InlineData("::1", 1)]
    [InlineData("fe80::1234:5678%7", 443)]
    public void Internet_addresses_survive_the_kernels_form(string text, int port)
    {
        SocketAddress address = default;
        System.Net.IPAddress ip = System.Net.IPAddress.Parse(text);
        uint bytes = address.SetInternet(ip, (ushort)port);
        Assert.Equal(text.Contains(':', StringComparison.Ordinal) ? 28u : 16u, bytes);
        Assert.Equal(new System.Net.IPEndPoint(ip, port), address.ToInternet());
    }

    [Fact]
    public void Unix_paths_that_do_not_fit_are_refused()
    {
        SocketAddress address = default;
        Assert.Equal(2u + 4 + 1, address.SetUnix("/a/b"));
        Assert.Equal(2u + 107 + 1, address.SetUnix(new string('x', 107)));
        Assert.Equal(0u, address.SetUnix(new string('x', 108)));
        Assert.Equal(0u, address.SetUnix(""));
    }

    private static int Offset<TStruct, TField>(ref TStruct whole, ref TField field) =>
        (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref whole), ref Unsafe.As<TField, byte>(ref field));

    private static int Distance(void* whole, void* field) => (int)((byte*)field - (byte*)whole);
}
