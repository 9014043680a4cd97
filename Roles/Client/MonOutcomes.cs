using System.Collections.Generic;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>The monitors that a client knows, and what became of the last attempt at each: when none of them serves, the user is
/// told of all, because the one tried last may not be the one to look at.</summary>
internal sealed class MonOutcomes
{
    private readonly List<Mon> _mons = [];

    public MonOutcomes(IReadOnlyList<NetAddress> mons)
    {
        foreach (NetAddress mon in mons)
        {
            if (Find(mon) is null) { _mons.Add(new Mon { Address = mon, IsConfigured = true }); }
        }
    }

    public int Count => _mons.Count;

    /// <summary>Whom to try next: those that the map names, and after a whole round without luck also those that only the
    /// configuration does, which is only the first contact.</summary>
    /// <param name="turn">Counts attempts.</param>
    /// <param name="failures">Since the last success.</param>
    public NetAddress Pick(int turn, int failures)
    {
        List<Mon> candidates = _mons.FindAll(mon => mon.IsNamed);
        if (failures >= candidates.Count) { candidates = _mons; }
        return candidates[turn % candidates.Count].Address;
    }

    /// <summary>What the last monitor said that refused us since one let us in; empty when none did.</summary>
    public string Refusal { get; private set; } = "";

    /// <summary>The version that older monitors speak; null when there are none, as far as is known.</summary>
    public ushort? OlderVersion { get; private set; }

    /// <summary>The monitors as the map has them; what it does not name any more, and the configuration never did, is forgotten.</summary>
    public void Follow(IReadOnlyList<MonInfo> mons)
    {
        foreach (Mon known in _mons) { known.IsNamed = false; }
        foreach (MonInfo mon in mons)
        {
            if (!mon.IsMember) { continue; } // it cannot serve yet
            Mon? known = Find(mon.Address);
            if (known is null) { _mons.Add(known = new Mon { Address = mon.Address }); }
            known.IsNamed = true;
        }
        _ = _mons.RemoveAll(known => !known.IsNamed && !known.IsConfigured);
    }

    /// <summary>It let us in: what others held against us counts no more.</summary>
    public void OnUp(NetAddress mon)
    {
        Refusal = "";
        foreach (Mon known in _mons) { known.IsRefusing = false; }
        Note(mon, "", older: null);
    }

    public void OnUnreachable(NetAddress mon, string why)
    {
        if (Find(mon) is not { } known) { return; }
        (known.Text, known.IsUnready) = (why, false);
    }

    /// <summary>It is there but cannot serve.</summary>
    public void OnUnready(NetAddress mon, string why)
    {
        if (Find(mon) is not { } known) { return; }
        (known.Text, known.IsUnready) = (why, true);
    }

    /// <summary>It does not talk to us: another cluster, or a newer version.</summary>
    public void OnRefused(NetAddress mon, string why)
    {
        Refusal = $"{mon}: {why}";
        if (Note(mon, why, older: null) is { } known) { known.IsRefusing = true; }
    }

    public void OnOlder(NetAddress mon, ushort version, ushort ours)
    {
        if (Note(mon, $"it speaks protocol {version}, this fastblock {ours}: upgrade the monitors first", version) is { } known)
        {
            known.IsRefusing = false;
        }
        OlderVersion = version;
    }

    /// <summary>Has every monitor refused us?</summary>
    public bool AllRefuse(bool olderOnesRefuse)
    {
        foreach (Mon mon in _mons)
        {
            if (!mon.IsRefusing && !(olderOnesRefuse && mon.Older is not null)) { return false; }
        }
        return true;
    }

    /// <summary>For a user whom no monitor served: what is wrong, with a word on each monitor that was tried.</summary>
    public string Describe()
    {
        List<string> names = [], texts = [];
        bool isUnready = false;
        foreach (Mon mon in _mons)
        {
            names.Add(mon.Address.ToString());
            if (mon.Text.Length > 0) { texts.Add($"{mon.Address}: {mon.Text}"); }
            isUnready |= mon.IsUnready;
        }
        string each = texts.Count > 0 ? ": " + string.Join("; ", texts) : "";
        return isUnready
            ? $"monitors answer but have no leader, for which more than half of them must run and reach each other{each}"
            : $"no monitor of {string.Join(", ", names)} can be reached{each}";
    }

    private Mon? Note(NetAddress mon, string text, ushort? older)
    {
        if (Find(mon) is not { } known) { return null; }
        (known.Text, known.IsUnready, known.Older) = (text, false, older);
        OlderVersion = null;
        foreach (Mon other in _mons) { OlderVersion ??= other.Older; }
        return known;
    }

    private Mon? Find(NetAddress mon) => _mons.Find(known => known.Address == mon);

    private sealed class Mon
    {
        public required NetAddress Address { get; init; }

        /// <summary>What happened last; empty = nothing yet, or it is up.</summary>
        public string Text { get; set; } = "";

        public bool IsConfigured { get; init; }

        /// <summary>By the newest map.</summary>
        public bool IsNamed { get; set; }

        public bool IsUnready { get; set; }
        public bool IsRefusing { get; set; }
        public ushort? Older { get; set; }
    }
}
