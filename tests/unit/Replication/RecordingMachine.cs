using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>A state machine that remembers what it was told and checks the order of it.</summary>
internal sealed class RecordingMachine(ReplicaNode node) : IStateMachine
{
    private readonly SortedDictionary<ulong, ulong> _reserved = [];

    /// <summary>Stamp (first 8 bytes of the header) of each applied entry, by index; this is the whole state.</summary>
    public SortedDictionary<ulong, ulong> Applied { get; } = [];

    public List<string> Leadership { get; } = [];
    public List<NodeId> HandOversAsked { get; } = [];
    public bool IsLeader { get; private set; }
    public bool IsReady { get; private set; }
    public bool IsCorrupted { get; private set; }

    /// <summary>Refuses appends from now on.</summary>
    public bool IsFull { get; set; }

    public ulong LastApplied { get; set; }

    public ulong Reservations => (ulong)_reserved.Count;

    public Errno Reserve(in EntryView entry)
    {
        if (IsFull && !node.IsOpening) { return Errno.NoSpace; }
        _reserved.Add(entry.Index.Value, BitConverter.ToUInt64(entry.Header));
        return Errno.None;
    }

    public void OnDropped(in EntryView entry)
    {
        Assert(_reserved.Remove(entry.Index.Value, out ulong stamp) && stamp == BitConverter.ToUInt64(entry.Header), "dropped what was not reserved");
    }

    public void Apply(in AppliedEntry entry)
    {
        Assert(entry.Index.Value > LastApplied, "applied out of order");
        LastApplied = entry.Index.Value;
        ulong stamp = BitConverter.ToUInt64(entry.Header);
        Assert(_reserved.Remove(entry.Index.Value, out ulong reserved) && reserved == stamp, "applied what was not reserved");
        Assert(entry.Crcs.Length * 4096 == entry.PayloadBytes, "checksums do not cover the payload");
        Applied[entry.Index.Value] = stamp;
    }

    public void OnLeadership(bool leader, Term term)
    {
        Assert(leader != IsLeader || !leader, "told twice");
        IsLeader = leader;
        IsReady = false;
        Leadership.Add($"{(leader ? "+" : "-")}{term}");
    }

    public void OnLeaderReady(Term term)
    {
        Assert(IsLeader && !IsReady, "ready without leading");
        IsReady = true;
    }

    public void OnNeedsHandOver(NodeId peer, LogIndex peerLast)
    {
        HandOversAsked.Add(peer);
        node.HandOver(peer);
    }

    public void OnReleaseWanted(LogIndex upTo) => node.Group!.ReleaseLog(upTo);

    public void OnCorrupted() => IsCorrupted = true;

    public void OnIteration() { }

    /// <summary>Takes over another replica's whole state.</summary>
    public void Install(SortedDictionary<ulong, ulong> state, ulong last)
    {
        Applied.Clear();
        foreach ((ulong index, ulong stamp) in state) { Applied.Add(index, stamp); }
        LastApplied = last;
    }

    private static void Assert(bool condition, string what)
    {
        if (!condition) { throw new InvalidOperationException(what); }
    }
}
