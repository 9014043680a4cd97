namespace Fastblock.Net.Transport.Tcp;

/// <summary>Who gets the frames that a <see cref="FrameReader"/> finds.</summary>
internal interface IFrameSink
{
    /// <summary>Whether a frame with this header may come now; asked before anything is allocated for it.</summary>
    bool Allows(FrameType type, int bodyBytes, int payloadBytes);

    /// <summary>A whole frame with a valid checksum.</summary>
    void OnFrame(in Frame frame);

    /// <summary>No buffer is free for a payload: the stream is paused until TryResume succeeds.</summary>
    void OnStarved();
}
