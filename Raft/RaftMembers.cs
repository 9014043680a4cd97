using System;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Fastblock.Raft;

/// <summary>A configuration: who votes and who only listens. While <see cref="Outgoing"/> is not empty it is a joint one
/// (Raft §6): every decision needs a majority of both sets. The bytes are those of a Config entry's header (docs/on-disk-format.md):
/// u8 version 2, u8 members, 6 reserved; then for each member, in ascending order: u32 id, u8 roles (1 voter, 2 outgoing voter, 4
/// learner; 1 and 4 exclude each other), 3 reserved, 16 bytes uuid of its device.</summary>
internal sealed class RaftMembers
{
    private const byte FormatVersion = 2;
    private const int HeaderBytes = 8;
    private const int MemberBytes = 24;
    private const int VoterBit = 1;
    private const int OutgoingBit = 2;
    private const int LearnerBit = 4;

    /// <summary>Longest encoding.</summary>
    public const int MaxEncodedBytes = HeaderBytes + (MemberBytes * RaftLimits.MaxMembers);

    private readonly NodeId[] _all;
    private readonly Guid[] _instances;
    private readonly byte[] _voterPlaces;
    private readonly byte[] _outgoingPlaces;

    /// <param name="voters">And which device each of these is.</param>
    public RaftMembers(ReadOnlySpan<(NodeId Id, Guid Instance)> voters, ReadOnlySpan<(NodeId Id, Guid Instance)> learners)
        : this(Ids(voters), default, Ids(learners))
    {
        foreach ((NodeId id, Guid instance) in voters) { _instances[Array.IndexOf(_all, id)] = instance; }
        foreach ((NodeId id, Guid instance) in learners) { _instances[Array.IndexOf(_all, id)] = instance; }
    }

    public RaftMembers(ReadOnlySpan<NodeId> voters, ReadOnlySpan<NodeId> outgoing = default, ReadOnlySpan<NodeId> learners = default)
    {
        Voters = voters.ToArray();
        Outgoing = outgoing.ToArray();
        Learners = learners.ToArray();
        Array.Sort(Voters);
        Array.Sort(Outgoing);
        Array.Sort(Learners);
        _all = Merge(Voters, Outgoing, Learners);
        _instances = new Guid[_all.Length];
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

    /// <summary>The same voters, outgoing voters and learners, on the same devices?</summary>
    public bool IsSame(RaftMembers other) => Voters.AsSpan().SequenceEqual(other.Voters) &&
        Outgoing.AsSpan().SequenceEqual(other.Outgoing) && Learners.AsSpan().SequenceEqual(other.Learners) &&
        _instances.AsSpan().SequenceEqual(other._instances);

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
    public RaftMembers Left() => With(Voters, default, Learners, this);

    public override string ToString() =>
        $"{string.Join(' ', Voters)}{(IsJoint ? " / " : "")}{string.Join(' ', Outgoing)}{(Learners.Length > 0 ? " + " : "")}{string.Join(' ', Learners)}";

    /// <summary>The device that is this member (<see cref="Guid.Empty"/> = not told): another one under its number is not.</summary>
    public Guid InstanceOf(NodeId id)
    {
        int at = Array.IndexOf(_all, id);
        return at < 0 ? Guid.Empty : _instances[at];
    }

    /// <summary>The same with another set of roles; everybody in it keeps the device that this one or <paramref name="more"/> names.</summary>
    public RaftMembers With(ReadOnlySpan<NodeId> voters, ReadOnlySpan<NodeId> outgoing, ReadOnlySpan<NodeId> learners, RaftMembers more)
    {
        RaftMembers members = new(voters, outgoing, learners);
        for (int i = 0; i < members._all.Length; i++)
        {
            NodeId id = members._all[i];
            members._instances[i] = IsMember(id) ? InstanceOf(id) : more.InstanceOf(id);
        }
        return members;
    }

    /// <summary>Does nobody stand for another device in the other configuration?</summary>
    public bool AgreesOnDevices(RaftMembers other)
    {
        for (int i = 0; i < _all.Length; i++)
        {
            if (other.IsMember(_all[i]) && other.InstanceOf(_all[i]) != _instances[i]) { return false; }
        }
        return true;
    }

    public int EncodedBytes => HeaderBytes + (MemberBytes * _all.Length);

    /// <summary>Writes <see cref="EncodedBytes"/> bytes.</summary>
    public void Encode(Span<byte> to)
    {
        to[..EncodedBytes].Clear();
        to[0] = FormatVersion;
        to[1] = (byte)_all.Length;
        Span<byte> at = to[HeaderBytes..];
        for (int i = 0; i < _all.Length; i++, at = at[MemberBytes..])
        {
            NodeId id = _all[i];
            BinaryPrimitives.WriteUInt32LittleEndian(at, id.Value);
            at[4] = (byte)((IsIncoming(id) ? VoterBit : 0) | (Array.IndexOf(Outgoing, id) >= 0 ? OutgoingBit : 0) | (IsLearner(id) ? LearnerBit : 0));
            _ = _instances[i].TryWriteBytes(at[8..]);
        }
    }

    /// <returns>False for an unknown version, a wrong length, too many members, members out of order, unknown or no roles, reserved bytes
    /// that are not 0, or what is not <see cref="IsValid"/>.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> from, [NotNullWhen(true)] out RaftMembers? members)
    {
        members = null;
        if (from.Length < HeaderBytes || from[0] != FormatVersion || from[2..HeaderBytes].IndexOfAnyExcept((byte)0) >= 0) { return false; }
        int count = from[1];
        if (count > RaftLimits.MaxMembers || from.Length != HeaderBytes + (MemberBytes * count)) { return false; }
        Span<NodeId> voters = stackalloc NodeId[count], outgoing = stackalloc NodeId[count], learners = stackalloc NodeId[count];
        int voterCount = 0, outgoingCount = 0, learnerCount = 0;
        long last = -1;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> at = from.Slice(HeaderBytes + (MemberBytes * i), MemberBytes);
            NodeId id = new(BinaryPrimitives.ReadUInt32LittleEndian(at));
            int roles = at[4];
            if (id.Value <= last || roles is 0 or > 7 || at[5..8].IndexOfAnyExcept((byte)0) >= 0) { return false; }
            last = id.Value;
            if ((roles & VoterBit) != 0) { voters[voterCount++] = id; }
            if ((roles & OutgoingBit) != 0) { outgoing[outgoingCount++] = id; }
            if ((roles & LearnerBit) != 0) { learners[learnerCount++] = id; }
        }
        RaftMembers decoded = new(voters[..voterCount], outgoing[..outgoingCount], learners[..learnerCount]);
        if (!decoded.IsValid) { return false; }
        for (int i = 0; i < count; i++) { decoded._instances[i] = new Guid(from.Slice(HeaderBytes + (MemberBytes * i) + 8, 16)); }
        members = decoded;
        return true;
    }

    private byte[] Places(NodeId[] set)
    {
        byte[] places = new byte[set.Length];
        for (int i = 0; i < set.Length; i++) { places[i] = (byte)Array.IndexOf(_all, set[i]); }
        return places;
    }

    private static NodeId[] Ids(ReadOnlySpan<(NodeId Id, Guid Instance)> members)
    {
        NodeId[] ids = new NodeId[members.Length];
        for (int i = 0; i < ids.Length; i++) { ids[i] = members[i].Id; }
        return ids;
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
