using System;
using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Fastblock.Native.Linux;

/// <summary>Room for struct sockaddr_in, sockaddr_in6 and sockaddr_un, with the conversions. Ports and addresses are in
/// network order, the family in the machine's.</summary>
[StructLayout(LayoutKind.Explicit, Size = MaxBytes)]
internal unsafe struct SocketAddress
{
    /// <summary>sizeof(struct sockaddr_un), the largest, rounded up.</summary>
    public const int MaxBytes = 112;

    private const int InetBytes = 16;
    private const int Inet6Bytes = 28;
    private const int UnixPathOffset = 2;

    /// <summary>sun_path holds the path and its final zero.</summary>
    public const int MaxUnixPathBytes = 107;

    [FieldOffset(0)] public ushort Family;

    /// <returns>Bytes used.</returns>
    public uint SetInternet(IPAddress address, ushort port)
    {
        Span<byte> bytes = Bytes();
        bytes.Clear();
        bool isV6 = address.AddressFamily is System.Net.Sockets.AddressFamily.InterNetworkV6;
        Family = (ushort)(isV6 ? Libc.AF_INET6 : Libc.AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], port);
        _ = address.TryWriteBytes(bytes[(isV6 ? 8 : 4)..], out _);
        if (isV6) { BinaryPrimitives.WriteUInt32LittleEndian(bytes[24..], (uint)address.ScopeId); }
        return isV6 ? Inet6Bytes : (uint)InetBytes;
    }

    /// <returns>Bytes used; 0 when the path is empty or too long for the kernel's structure.</returns>
    public uint SetUnix(string path)
    {
        Span<byte> bytes = Bytes();
        bytes.Clear();
        int length = Encoding.UTF8.GetByteCount(path);
        if (length is 0 or > MaxUnixPathBytes) { return 0; }
        Family = Libc.AF_UNIX;
        _ = Encoding.UTF8.GetBytes(path, bytes[UnixPathOffset..]);
        return (uint)(UnixPathOffset + length + 1);
    }

    /// <summary>Address and port of an IPv4 or IPv6 address as the kernel filled it in; the unspecified address for others.</summary>
    public IPEndPoint ToInternet()
    {
        Span<byte> bytes = Bytes();
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        return Family switch
        {
            Libc.AF_INET => new IPEndPoint(new IPAddress(bytes.Slice(4, 4)), port),
            Libc.AF_INET6 => new IPEndPoint(
                new IPAddress(bytes.Slice(8, 16), BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..])), port),
            _ => new IPEndPoint(IPAddress.None, 0),
        };
    }

    private Span<byte> Bytes()
    {
        // SAFETY: the span is used only inside the calling method, on a struct that does not move meanwhile: callers hold
        // it in a local or in unmanaged memory.
        fixed (ushort* start = &Family) { return new Span<byte>(start, MaxBytes); }
    }
}
