using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace Fastblock.Roles.Metrics;

/// <summary>GET /metrics and GET /health over HTTP/1.1, one request per connection. Our own few lines instead of
/// HttpListener, which would add 3 MB to the binary. Runs on ordinary threads, never on a reactor. Everything a peer can
/// do is bounded: bytes and time of a request, and connections at a time; the rest is closed.</summary>
internal sealed class MetricsServer : IDisposable
{
    /// <summary>Bytes of a request with all its headers; Prometheus sends some 200.</summary>
    private const int RequestBytesMax = 8 << 10;

    /// <summary>A peer that has not finished by then is cut off.</summary>
    private static readonly TimeSpan RequestTimeMax = TimeSpan.FromSeconds(5);

    /// <summary>Requests answered at the same time; further ones are closed at once.</summary>
    private const int ConnectionsMax = 8;

    /// <summary>Rest after a failed accept.</summary>
    private const int AcceptAgainMillis = 100;

    private readonly MetricsRegistry _registry;
    private readonly Func<(bool IsHealthy, string Text)> _health;
    private readonly Socket _listener;
    private int _connections;
    private volatile bool _isDisposed;

    private MetricsServer(MetricsRegistry registry, Func<(bool IsHealthy, string Text)> health, Socket listener)
    {
        _registry = registry;
        _health = health;
        _listener = listener;
    }

    /// <summary>Where it listens, with the port that the kernel chose if it was 0.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>For people, and for Prometheus.</summary>
    public string Url => $"http://{EndPoint}/metrics";

    /// <summary>Binds and begins to serve. Throws <see cref="SocketException"/> when the address cannot be had.</summary>
    /// <param name="health">Asked for /health from an ordinary thread; one line of text.</param>
    public static MetricsServer Start(IPEndPoint address, MetricsRegistry registry, Func<(bool IsHealthy, string Text)> health)
    {
        Socket listener = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            listener.Bind(address);
            listener.Listen(ConnectionsMax);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
        MetricsServer server = new(registry, health, listener);
        new Thread(server.AcceptLoop) { IsBackground = true, Name = "metrics" }.Start();
        return server;
    }

    public void Dispose()
    {
        _isDisposed = true;
        _listener.Dispose();
    }

    private void AcceptLoop()
    {
        bool hasFailed = false;
        while (true)
        {
            Socket connection;
            try
            {
                connection = _listener.Accept();
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                if (_isDisposed) { return; }
                // No descriptors or no memory: both come back. Said once, not every 100 ms.
                if (!hasFailed) { Console.Error.WriteLine($"metrics: connections cannot be accepted: {failure.Message}"); }
                hasFailed = true;
                Thread.Sleep(AcceptAgainMillis);
                continue;
            }
            hasFailed = false;
            if (Interlocked.Increment(ref _connections) > ConnectionsMax)
            {
                Interlocked.Decrement(ref _connections);
                connection.Dispose();
                continue;
            }
            new Thread(() => Serve(connection)) { IsBackground = true, Name = "metrics-request" }.Start();
        }
    }

    private void Serve(Socket connection)
    {
        try
        {
            using Socket _ = connection;
            connection.SendTimeout = (int)RequestTimeMax.TotalMilliseconds;
            Answer(connection, ReadRequestLine(connection));
        }
        catch (Exception failure) when (failure is SocketException or IOException or ObjectDisposedException)
        {
            // The peer went away or was too slow; there is nobody to tell.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    /// <summary>The first line of a request whose headers came completely, or null when it did not end in time or size.</summary>
    private static string? ReadRequestLine(Socket connection)
    {
        byte[] buffer = new byte[RequestBytesMax];
        int length = 0;
        long deadline = Environment.TickCount64 + (long)RequestTimeMax.TotalMilliseconds;
        while (buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) < 0)
        {
            long left = deadline - Environment.TickCount64;
            if (length == buffer.Length || left <= 0) { return null; }
            connection.ReceiveTimeout = (int)left;
            int received = connection.Receive(buffer.AsSpan(length));
            if (received == 0) { return null; }
            length += received;
        }
        return Encoding.Latin1.GetString(buffer, 0, buffer.AsSpan().IndexOf("\r\n"u8));
    }

    private void Answer(Socket connection, string? requestLine)
    {
        string[] words = requestLine?.Split(' ') ?? [];
        if (words.Length != 3 || !words[2].StartsWith("HTTP/1.", StringComparison.Ordinal))
        {
            Send(connection, "400 Bad Request", "text/plain", "bad request\n", withBody: true);
            return;
        }
        bool isHead = words[0] == "HEAD";
        if (words[0] != "GET" && !isHead)
        {
            Send(connection, "405 Method Not Allowed", "text/plain", "only GET\n", withBody: true);
            return;
        }
        switch (words[1].Split('?')[0])
        {
            case "/metrics":
                PrometheusText text = new();
                _registry.WriteText(text);
                Send(connection, "200 OK", PrometheusText.ContentType, text.ToString(), !isHead);
                break;
            case "/health":
                (bool isHealthy, string line) = _health();
                Send(connection, isHealthy ? "200 OK" : "503 Service Unavailable", "text/plain", line + "\n", !isHead);
                break;
            default:
                Send(connection, "404 Not Found", "text/plain", "there is /metrics and /health\n", !isHead);
                break;
        }
    }

    private static void Send(Socket connection, string status, string contentType, string body, bool withBody)
    {
        byte[] bodyBytes = Encoding.UTF8.GetBytes(body);
        string head = $"HTTP/1.1 {status}\r\nContent-Type: {contentType}\r\nContent-Length: {bodyBytes.Length}\r\nConnection: close\r\n\r\n";
        SendAll(connection, Encoding.ASCII.GetBytes(head));
        if (withBody) { SendAll(connection, bodyBytes); }
        connection.Shutdown(SocketShutdown.Send);
    }

    private static void SendAll(Socket connection, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0) { bytes = bytes[connection.Send(bytes)..]; }
    }
}
