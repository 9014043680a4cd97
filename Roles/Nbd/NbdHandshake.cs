using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Nbd;

/// <summary>The negotiation phase of one connection, fixed newstyle, as a pure function of bytes: bytes in, answers out.
/// <code>
/// server: NBDMAGIC IHAVEOPT flags      client: flags
/// client: IHAVEOPT option length data  server: one or more replies ... until EXPORT_NAME or GO, then commands
/// </code>
/// Control path: allocates. Every length is checked against a limit before it is used.</summary>
internal sealed class NbdHandshake(NbdExport export)
{
    public const uint ContextId = 1;
    private const string BaseAllocation = "base:allocation";
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: false); // a bad byte never throws

    private readonly ArrayBufferWriter<byte> _output = new(512);
    private bool _haveClientFlags;
    private bool _noZeroes;
    private int _options;
    private int _skipBytes;

    /// <summary>The client takes structured replies.</summary>
    public bool IsStructured { get; private set; }

    /// <summary>The client has chosen base:allocation, so it may ask for block status.</summary>
    public bool HasContext { get; private set; }

    /// <summary>Bytes to be sent now; call <see cref="ClearOutput"/> afterwards.</summary>
    public ReadOnlySpan<byte> Output => _output.WrittenSpan;

    public void ClearOutput() => _output.ResetWrittenCount();

    /// <summary>The server's greeting; comes first.</summary>
    public void Greet()
    {
        U64(NbdWire.NBDMAGIC);
        U64(NbdWire.IHAVEOPT);
        U16(NbdWire.FLAG_FIXED_NEWSTYLE | NbdWire.FLAG_NO_ZEROES);
    }

    /// <summary>Takes in bytes from the client.</summary>
    /// <param name="consumed">How many were used; the others have to be offered again with more behind them.</param>
    public HandshakeStep Process(ReadOnlySpan<byte> input, out int consumed)
    {
        consumed = 0;
        HandshakeStep step = HandshakeStep.More;
        while (step == HandshakeStep.More)
        {
            int before = consumed;
            step = Next(input[consumed..], ref consumed);
            if (consumed == before) { break; }
        }
        return step;
    }

    private HandshakeStep Next(ReadOnlySpan<byte> input, ref int consumed)
    {
        if (_skipBytes > 0)
        {
            int skip = Math.Min(_skipBytes, input.Length);
            _skipBytes -= skip;
            consumed += skip;
            return HandshakeStep.More;
        }
        if (!_haveClientFlags) { return TakeClientFlags(input, ref consumed); }
        if (input.Length < NbdWire.OptionHeaderBytes) { return HandshakeStep.More; }
        if (BinaryPrimitives.ReadUInt64BigEndian(input) != NbdWire.IHAVEOPT || ++_options > NbdLimits.MaxOptions)
        {
            return HandshakeStep.Refuse;
        }
        uint option = BinaryPrimitives.ReadUInt32BigEndian(input[8..]);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(input[12..]);
        if (length > NbdLimits.MaxOptionBytes)
        {
            if (length > NbdLimits.MaxSkippedOptionBytes || option == NbdWire.OPT_EXPORT_NAME) { return HandshakeStep.Refuse; }
            consumed += NbdWire.OptionHeaderBytes;
            _skipBytes = (int)length;
            Reply(option, NbdWire.REP_ERR_TOO_BIG);
            return HandshakeStep.More;
        }
        if (input.Length < NbdWire.OptionHeaderBytes + (int)length)
        {
            _options--; // it will be looked at again
            return HandshakeStep.More;
        }
        consumed += NbdWire.OptionHeaderBytes + (int)length;
        return Handle(option, input.Slice(NbdWire.OptionHeaderBytes, (int)length));
    }

    private HandshakeStep TakeClientFlags(ReadOnlySpan<byte> input, ref int consumed)
    {
        if (input.Length < sizeof(uint)) { return HandshakeStep.More; }
        uint flags = BinaryPrimitives.ReadUInt32BigEndian(input);
        consumed += sizeof(uint);
        if ((flags & ~(uint)(NbdWire.FLAG_FIXED_NEWSTYLE | NbdWire.FLAG_NO_ZEROES)) != 0) { return HandshakeStep.Refuse; }
        _noZeroes = (flags & NbdWire.FLAG_NO_ZEROES) != 0;
        _haveClientFlags = true;
        return HandshakeStep.More;
    }

    private HandshakeStep Handle(uint option, ReadOnlySpan<byte> data)
    {
        switch (option)
        {
            case NbdWire.OPT_EXPORT_NAME:
                return OnExportName(data);
            case NbdWire.OPT_ABORT:
                Reply(option, NbdWire.REP_ACK);
                return HandshakeStep.Bye;
            case NbdWire.OPT_LIST:
                OnList(data);
                return HandshakeStep.More;
            case NbdWire.OPT_INFO or NbdWire.OPT_GO:
                return OnInfo(option, data);
            case NbdWire.OPT_STRUCTURED_REPLY:
                Reply(option, data.IsEmpty ? NbdWire.REP_ACK : NbdWire.REP_ERR_INVALID);
                IsStructured |= data.IsEmpty;
                return HandshakeStep.More;
            case NbdWire.OPT_LIST_META_CONTEXT or NbdWire.OPT_SET_META_CONTEXT:
                OnMetaContext(option, data);
                return HandshakeStep.More;
            default:
                Reply(option, NbdWire.REP_ERR_UNSUP);
                return HandshakeStep.More;
        }
    }

    private HandshakeStep OnExportName(ReadOnlySpan<byte> data)
    {
        if (!export.Matches(Utf8.GetString(data))) { return HandshakeStep.Refuse; }
        U64((ulong)export.Image.SizeBytes);
        U16(export.TransmissionFlags(IsStructured));
        if (!_noZeroes)
        {
            _output.GetSpan(124)[..124].Clear();
            _output.Advance(124);
        }
        return HandshakeStep.Transmission;
    }

    private void OnList(ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            Reply(NbdWire.OPT_LIST, NbdWire.REP_ERR_INVALID);
            return;
        }
        byte[] name = Encoding.UTF8.GetBytes(export.Name);
        Reply(NbdWire.OPT_LIST, NbdWire.REP_SERVER, sizeof(uint) + name.Length);
        U32((uint)name.Length);
        _output.Write(name);
        Reply(NbdWire.OPT_LIST, NbdWire.REP_ACK);
    }

    private HandshakeStep OnInfo(uint option, ReadOnlySpan<byte> data)
    {
        if (!TryString(ref data, out string name) || data.Length < sizeof(ushort)
            || data.Length != sizeof(ushort) + BinaryPrimitives.ReadUInt16BigEndian(data) * sizeof(ushort))
        {
            Reply(option, NbdWire.REP_ERR_INVALID);
            return HandshakeStep.More;
        }
        if (!export.Matches(name))
        {
            Reply(option, NbdWire.REP_ERR_UNKNOWN);
            return HandshakeStep.More;
        }
        for (data = data[sizeof(ushort)..]; !data.IsEmpty; data = data[sizeof(ushort)..])
        {
            ushort wanted = BinaryPrimitives.ReadUInt16BigEndian(data);
            if (wanted == NbdWire.INFO_NAME) { InfoText(option, wanted, export.Name); }
            if (wanted == NbdWire.INFO_DESCRIPTION) { InfoText(option, wanted, $"fastblock image {export.Image.Name}"); }
        }
        // Sent unasked: a client that ignores it loses nothing.
        Reply(option, NbdWire.REP_INFO, 14);
        U16(NbdWire.INFO_BLOCK_SIZE);
        U32(Units.SectorBytes);
        U32(Units.BlockBytes);
        U32(NbdLimits.MaxRequestBytes);
        Reply(option, NbdWire.REP_INFO, 12);
        U16(NbdWire.INFO_EXPORT);
        U64((ulong)export.Image.SizeBytes);
        U16(export.TransmissionFlags(IsStructured));
        Reply(option, NbdWire.REP_ACK);
        return option == NbdWire.OPT_GO ? HandshakeStep.Transmission : HandshakeStep.More;
    }

    private void OnMetaContext(uint option, ReadOnlySpan<byte> data)
    {
        bool isSet = option == NbdWire.OPT_SET_META_CONTEXT;
        // A failed or repeated SET leaves nothing of an earlier one.
        if (isSet) { HasContext = false; }
        if (!IsStructured || !TryString(ref data, out string name) || data.Length < sizeof(uint))
        {
            Reply(option, NbdWire.REP_ERR_INVALID);
            return;
        }
        uint count = BinaryPrimitives.ReadUInt32BigEndian(data);
        data = data[sizeof(uint)..];
        bool matched = count == 0 && !isSet; // LIST without queries: all there are
        for (uint i = 0; i < count; i++)
        {
            if (!TryString(ref data, out string query))
            {
                Reply(option, NbdWire.REP_ERR_INVALID);
                return;
            }
            matched |= query == BaseAllocation || (query == "base:" && !isSet);
        }
        if (!data.IsEmpty)
        {
            Reply(option, NbdWire.REP_ERR_INVALID);
            return;
        }
        if (!export.Matches(name))
        {
            Reply(option, NbdWire.REP_ERR_UNKNOWN);
            return;
        }
        if (matched)
        {
            byte[] context = Encoding.UTF8.GetBytes(BaseAllocation);
            Reply(option, NbdWire.REP_META_CONTEXT, sizeof(uint) + context.Length);
            U32(isSet ? ContextId : 0);
            _output.Write(context);
            HasContext |= isSet;
        }
        Reply(option, NbdWire.REP_ACK);
    }

    /// <summary>A 32-bit length and so many bytes of UTF-8.</summary>
    private static bool TryString(ref ReadOnlySpan<byte> data, out string text)
    {
        text = "";
        if (data.Length < sizeof(uint)) { return false; }
        uint length = BinaryPrimitives.ReadUInt32BigEndian(data);
        if (length > NbdLimits.MaxNameBytes || length > data.Length - sizeof(uint)) { return false; }
        text = Utf8.GetString(data.Slice(sizeof(uint), (int)length));
        data = data[(sizeof(uint) + (int)length)..];
        return true;
    }

    private void InfoText(uint option, ushort type, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Reply(option, NbdWire.REP_INFO, sizeof(ushort) + bytes.Length);
        U16(type);
        _output.Write(bytes);
    }

    private void Reply(uint option, uint type, int dataBytes = 0)
    {
        U64(NbdWire.OptionReplyMagic);
        U32(option);
        U32(type);
        U32((uint)dataBytes);
    }

    private void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_output.GetSpan(2), value);
        _output.Advance(2);
    }

    private void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_output.GetSpan(4), value);
        _output.Advance(4);
    }

    private void U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_output.GetSpan(8), value);
        _output.Advance(8);
    }
}
