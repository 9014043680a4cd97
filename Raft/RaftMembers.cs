using System;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Fastblock.Raft;

/// <summary>A configuration: who votes and who only listens. While <see cref="Outgoing"/> is not empty it is a joint one
/// (Raft §6): every decision needs a majority of both sets. The bytes are those of a Config entry.</summary>
internal sealed class RaftMembers
{
    private const byte FormatVersion = 1;
    private const int HeaderBytes = 4;

    private readonly NodeId[] _all;
    private readonly byte[] _voterPlaces;
    private readonly byte[] _outgoingPlaces;

    public RaftMembers(ReadOnlySpan<NodeId> voters, ReadOnlySpan<NodeId> outgoing = default, ReadOnlySpan<NodeId> learners = default)
    {
        Voters = voters.ToArray();
        Outgoing = outgoing.ToArray();
        Learners = learners.ToArray();
        Array.Sort(Voters);
        Array.Sort(Outgoing);
        Array.Sort(Learners);
        _all = Merge(Voters, Outgoing, Learners);
        _voterPlaces = Places(Voters);
        _outgoingPlaces = Places(Outgoing);
    }

    /// <summary>A replica that was made to join a group and has not heard from it: nobody. It can neither campaign nor vote.</summary>
    public static RaftMembers Unknown { get; } = new([]);

    /// <summary>In ascending order, as the others.</summary>
    public NodeId[] Voters { get; }

    /// <summary>The voters of the configuration that is being left; empty = not joint.</summary>
    public NodeId[] Outgoing { get; }

    public NodeId[] Learners { get; }

    /// <summary>Everybody, each once, in ascending order.</summary>
    public ReadOnlySpan<NodeId> All => _all;

    /// <summary>Where the voters stand in <see cref="All"/>.</summary>
    public ReadOnlySpan<byte> VoterPlaces => _voterPlaces;

    /// <summary>Where the outgoing voters stand in <see cref="All"/>.</summary>
    public ReadOnlySpan<byte> OutgoingPlaces => _outgoingPlaces;

    /// <summary>Two sets of voters: every decision needs a majority of both.</summary>
    public bool IsJoint => Outgoing.Length > 0;

    /// <summary>Does it vote, in whichever set?</summary>
    public bool IsVoter(NodeId id) => Array.IndexOf(Voters, id) >= 0 || Array.IndexOf(Outgoing, id) >= 0;

    public bool IsMember(NodeId id) => Array.IndexOf(_all, id) >= 0;

    /// <summary>Does it vote, and will it once a joint configuration is left?</summary>
    public bool IsIncoming(NodeId id) => Array.IndexOf(Voters, id) >= 0;

    public bool IsLearner(NodeId id) => Array.IndexOf(Learners, id) >= 0;

    /// <summary>The same voters, outgoing voters and learners?</summary>
    public bool IsSame(RaftMembers other) => Voters.AsSpan().SequenceEqual(other.Voters) &&
        Outgoing.AsSpan().SequenceEqual(other.Outgoing) && Learners.AsSpan().SequenceEqual(other.Learners);

    /// <summary>Can a group be run with it: is there a voter, is nobody named twice in a set or voter and learner at once, and are
    /// they not too many?</summary>
    public bool IsValid
    {
        get
        {
            int total = Voters.Length + Outgoing.Length + Learners.Length;
            if (Voters.Length == 0 || total > RaftLimits.MaxMembers) { return false; }
            if (HasTwice(Voters) || HasTwice(Outgoing) || HasTwice(Learners)) { return false; }
            foreach (NodeId id in Learners)
            {
                // An outgoing voter may be one: it will be a learner.
                if (IsIncoming(id) || id.IsNone) { return false; }
            }
            return !IsVoter(NodeId.None);
        }
    }

    /// <summary>What remains when a joint configuration is left.</summary>
    public RaftMembers Left() => new(Voters, default, Learners);

    public override string ToString() =>
        $"{string.Join(' ', Voters)}{(IsJoint ? " / " : "")}{string.Join(' ', Outgoing)}{(Learners.Length > 0 ? " + " : "")}{string.Join(' ', Learners)}";

    public int EncodedBytes => HeaderBytes + (4 * (Voters.Length + Outgoing.Length + Learners.Length));

    /// <summary>Writes <see cref="EncodedBytes"/> bytes: version, three counts, then the ids, little-endian.</summary>
    public void Encode(Span<byte> to)
    {
        to[0] = FormatVersion;
        to[1] = (byte)Voters.Length;
        to[2] = (byte)Outgoing.Length;
        to[3] = (byte)Learners.Length;
        Span<byte> at = to[HeaderBytes..];
        foreach (NodeId[] set in new[] { Voters, Outgoing, Learners })
        {
            foreach (NodeId id in set)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(at, id.Value);
                at = at[4..];
            }
        }
    }

    /// <returns>False for an unknown version, a wrong length, too many members, or what is not <see cref="IsValid"/>.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> from, [NotNullWhen(true)] out RaftMembers? members)
    {
        members = null;
        if (from.Length < HeaderBytes || from[0] != FormatVersion) { return false; }
        int voters = from[1], outgoing = from[2], learners = from[3];
        int total = voters + outgoing + learners;
        if (voters == 0 || total > RaftLimits.MaxMembers || from.Length != HeaderBytes + (4 * total)) { return false; }
        NodeId[] ids = new NodeId[total];
        for (int i = 0; i < total; i++)
        {
            ids[i] = new NodeId(BinaryPrimitives.ReadUInt32LittleEndian(from[(HeaderBytes + (4 * i))..]));
        }
        ReadOnlySpan<NodeId> all = ids;
        RaftMembers decoded = new(all[..voters], all.Slice(voters, outgoing), all[(voters + outgoing)..]);
        if (!decoded.IsValid) { return false; }
        members = decoded;
        return true;
    }

    private byte[] Places(NodeId[] set)
    {
        byte[] places = new byte[set.Length];
        for (int i = 0; i < set.Length; i++) { places[i] = (byte)Array.IndexOf(_all, set[i]); }
        return places;
    }

    private static bool HasTwice(NodeId[] sorted)
    {
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i] == sorted[i - 1]) { return true; }
        }
        return false;
    }

    private static NodeId[] Merge(NodeId[] a, NodeId[] b, NodeId[] c)
    {
        NodeId[] all = [.. a, .. b, .. c];
        Array.Sort(all);
        int count = 0;
        for (int i = 0; i < all.Length; i++)
        {
            if (count == 0 || all[i] != all[count - 1]) { all[count++] = all[i]; }
        }
        return all[..count];
    }
}
