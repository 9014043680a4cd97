namespace Fastblock.Roles.Nbd;

/// <summary>Numbers of the NBD protocol, named as in its document (https://github.com/NetworkBlockDevice/nbd,
/// doc/proto.md). Everything on this wire is big-endian.</summary>
internal static class NbdWire
{
    public const ulong NBDMAGIC = 0x4e42444d41474943;
    public const ulong IHAVEOPT = 0x49484156454F5054;
    public const ulong OptionReplyMagic = 0x0003e889045565a9;
    public const uint RequestMagic = 0x25609513;
    public const uint SimpleReplyMagic = 0x67446698;
    public const uint StructuredReplyMagic = 0x668e33ef;

    // Handshake flags, both directions.
    public const ushort FLAG_FIXED_NEWSTYLE = 1;
    public const ushort FLAG_NO_ZEROES = 2;

    // Options.
    public const uint OPT_EXPORT_NAME = 1;
    public const uint OPT_ABORT = 2;
    public const uint OPT_LIST = 3;
    public const uint OPT_INFO = 6;
    public const uint OPT_GO = 7;
    public const uint OPT_STRUCTURED_REPLY = 8;
    public const uint OPT_LIST_META_CONTEXT = 9;
    public const uint OPT_SET_META_CONTEXT = 10;

    // Option replies.
    public const uint REP_ACK = 1;
    public const uint REP_SERVER = 2;
    public const uint REP_INFO = 3;
    public const uint REP_META_CONTEXT = 4;
    public const uint REP_ERR_UNSUP = 0x80000001;
    public const uint REP_ERR_INVALID = 0x80000003;
    public const uint REP_ERR_UNKNOWN = 0x80000006;
    public const uint REP_ERR_TOO_BIG = 0x80000009;

    // Information types.
    public const ushort INFO_EXPORT = 0;
    public const ushort INFO_NAME = 1;
    public const ushort INFO_DESCRIPTION = 2;
    public const ushort INFO_BLOCK_SIZE = 3;

    // Transmission flags.
    public const ushort FLAG_HAS_FLAGS = 1 << 0;
    public const ushort FLAG_READ_ONLY = 1 << 1;
    public const ushort FLAG_SEND_FLUSH = 1 << 2;
    public const ushort FLAG_SEND_FUA = 1 << 3;
    public const ushort FLAG_SEND_TRIM = 1 << 5;
    public const ushort FLAG_SEND_WRITE_ZEROES = 1 << 6;
    public const ushort FLAG_SEND_DF = 1 << 7;
    public const ushort FLAG_CAN_MULTI_CONN = 1 << 8;
    public const ushort FLAG_SEND_CACHE = 1 << 10;

    // Commands.
    public const ushort CMD_READ = 0;
    public const ushort CMD_WRITE = 1;
    public const ushort CMD_DISC = 2;
    public const ushort CMD_FLUSH = 3;
    public const ushort CMD_TRIM = 4;
    public const ushort CMD_CACHE = 5;
    public const ushort CMD_WRITE_ZEROES = 6;
    public const ushort CMD_BLOCK_STATUS = 7;

    // Command flags.
    public const ushort CMD_FLAG_FUA = 1 << 0;
    public const ushort CMD_FLAG_NO_HOLE = 1 << 1;
    public const ushort CMD_FLAG_DF = 1 << 2;
    public const ushort CMD_FLAG_REQ_ONE = 1 << 3;

    // Structured replies.
    public const ushort REPLY_FLAG_DONE = 1;
    public const ushort REPLY_TYPE_NONE = 0;
    public const ushort REPLY_TYPE_OFFSET_DATA = 1;
    public const ushort REPLY_TYPE_OFFSET_HOLE = 2;
    public const ushort REPLY_TYPE_BLOCK_STATUS = 5;
    public const ushort REPLY_TYPE_ERROR = (1 << 15) + 1;

    // base:allocation.
    public const uint STATE_HOLE = 1;
    public const uint STATE_ZERO = 2;

    public const int RequestBytes = 28;
    public const int OptionHeaderBytes = 16;
}
