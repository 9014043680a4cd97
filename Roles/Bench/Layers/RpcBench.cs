using System.Buffers.Binary;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>Round trips of frames over TCP on loopback between two reactors on two threads, each as a server process has it.
/// Messages below 4 KiB travel as bodies, larger ones as payloads, both ways.</summary>
internal sealed class RpcBench : ClosedLoop, IConnectionHandler
{
    private const int TagBytes = 8;

    private readonly LayerOptions _options;
    private readonly byte[] _body;
    private readonly PooledBuffer? _payload;
    private readonly ReactorSignal<Errno> _up = new();
    private IConnection _connection = null!;
    private bool _isUp;

    private RpcBench(Reactor reactor, LayerOptions options) : base(reactor, options.QueueDepth)
    {
        _options = options;
        bool isBody = options.BlockBytes < Units.BlockBytes;
        _body = new byte[isBody ? options.BlockBytes : 64];
        if (isBody) { return; }
        _payload = reactor.Buffers.TryRent(options.BlockBytes)!;
        new BlockContent(options.BlockBytes, options.Seed).Fill(_payload.Span(0, options.BlockBytes), 0, 1, 0);
    }

    public static BenchResult Run(LayerOptions options)
    {
        if (options.BlockBytes < TagBytes || (options.BlockBytes > Units.BlockBytes && options.BlockBytes % Units.BlockBytes != 0))
        {
            throw new OperatorException(ExitCode.Usage, "--bs: must be 8 to 4096 bytes, or whole 4 KiB blocks up to 512K");
        }
        using BenchNode server = new(1, options);
        using BenchNode client = new(0, options);
        NetAddress address = server.Call(() => ListenAsync(server));
        return client.Call(async () =>
        {
            RpcBench bench = new(client.Reactor, options);
            bench._connection = client.Transport.Connect(address, new Hello { Role = PeerRole.Client }, bench);
            Errno status = await bench._up;
            if (status is not Errno.None) { throw OperatorException.FromErrno(status, "bench rpc: no connection"); }
            BenchResult result = await LayerRun.MeasureAsync($"rpc {SizeText.FormatExact(options.BlockBytes)}", bench, options.BlockBytes, options);
            bench._payload?.Release();
            return result;
        });
    }

    void IConnectionHandler.OnUp(IConnection connection)
    {
        _isUp = true;
        _up.Set(Errno.None);
    }

    void IConnectionHandler.OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Body.Length < TagBytes) { return; }
        ulong slot = BinaryPrimitives.ReadUInt64LittleEndian(frame.Body);
        if (slot < (ulong)Depth) { Done((int)slot, Errno.None); }
    }

    void IConnectionHandler.OnClosed(IConnection connection, Errno reason, string detail)
    {
        if (!_isUp) { _up.Set(reason); }
    }

    protected override void Start(int slot)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_body, (ulong)slot);
        // Fits: the depth is bounded so that everything in flight is less than a connection's queue.
        _ = _payload is null
            ? _connection.TrySend(FrameType.DataRequest, _body)
            : _connection.TrySend(FrameType.DataRequest, _body, [new PayloadPart(_payload, 0, _options.BlockBytes)]);
    }

    private static ReactorTask<NetAddress> ListenAsync(BenchNode node)
    {
        EchoServer server = new(node);
        node.Transport.Acceptor = server;
        Errno status = node.Transport.Listen(new NetAddress(IPAddress.Loopback, 0), server, out NetAddress bound);
        if (status is not Errno.None) { throw OperatorException.FromErrno(status, "bench rpc: no port on loopback"); }
        return Ready(bound);
    }

    private static async ReactorTask<NetAddress> Ready(NetAddress address)
    {
        await ReactorTask.Completed;
        return address;
    }

    /// <summary>Sends everything back.</summary>
    private sealed class EchoServer(BenchNode node) : IHelloGate, IConnectionAcceptor, IConnectionHandler
    {
        public string? Check(in Hello peer, out Hello own, out ITransport target)
        {
            own = new Hello { Role = PeerRole.Osd };
            target = node.Transport;
            return null;
        }

        public IConnectionHandler? OnAccepted(IConnection connection) => this;

        public void OnUp(IConnection connection) { }

        public void OnFrame(IConnection connection, in Frame frame)
        {
            Errno status = frame.Payload is null
                ? connection.TrySend(FrameType.DataReply, frame.Body)
                : connection.TrySend(FrameType.DataReply, frame.Body, [new PayloadPart(frame.Payload, 0, frame.PayloadBytes)]);
            if (status is not Errno.None) { connection.Close(status); }
        }

        public void OnClosed(IConnection connection, Errno reason, string detail) { }
    }
}
