using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>
/// How many replicas each OSD should hold of a group of PGs (those of one pool on one shard).
/// <para>The exact share of an OSD is by weight, but a failure domain can hold at most one replica of each PG: what a heavy
/// domain cannot take goes to the others by their weights (water filling). The shares are then rounded so that every
/// OSD and every domain gets its share rounded down or up, and the sum is right. Such a rounding always exists: floors
/// first, then one more for those with the largest fractions, domain by domain.</para>
/// <para>Fractions lost by an OSD are carried over to its next group, so that many small groups add up to the right share.</para>
/// </summary>
internal sealed class PlacementTargets
{
    private readonly IReadOnlyList<PlacementOsd> _osds;
    private readonly int[] _domainOf;
    private readonly UInt128[] _domainWeight;
    private readonly double[] _osdCarry;
    private readonly double[] _domainCarry;

    /// <param name="osds">Weights above zero.</param>
    public PlacementTargets(IReadOnlyList<PlacementOsd> osds)
    {
        _osds = osds;
        _domainOf = new int[osds.Count];
        _osdCarry = new double[osds.Count];
        Dictionary<string, int> numbers = []; // looked up only; domains are numbered in order of appearance
        List<UInt128> weights = [];
        for (int o = 0; o < osds.Count; o++)
        {
            Invariant.Require(osds[o].Weight > 0);
            if (!numbers.TryGetValue(osds[o].Domain, out int domain))
            {
                domain = weights.Count;
                numbers.Add(osds[o].Domain, domain);
                weights.Add(0);
            }
            _domainOf[o] = domain;
            weights[domain] += osds[o].Weight;
        }
        _domainWeight = [.. weights];
        _domainCarry = new double[weights.Count];
    }

    public int DomainCount => _domainWeight.Length;

    /// <summary>Number of the domain of each OSD.</summary>
    public ReadOnlySpan<int> DomainOf => _domainOf;

    /// <summary>The exact share of each OSD, as a fraction: for tests.</summary>
    public double[] ExactShares(int pgs, int replicas)
    {
        (UInt128[] numerator, UInt128[] denominator) = DomainShares(pgs, replicas);
        double[] shares = new double[_osds.Count];
        for (int o = 0; o < shares.Length; o++)
        {
            int d = _domainOf[o];
            shares[o] = (double)numerator[d] / (double)denominator[d] * _osds[o].Weight / (double)_domainWeight[d];
        }
        return shares;
    }

    /// <summary>The share of each OSD rounded down and up, and the same of each failure domain.</summary>
    public (ShareBounds[] Osds, ShareBounds[] Domains) Bounds(int pgs, int replicas)
    {
        Invariant.Require(replicas <= DomainCount);
        (UInt128[] numerator, UInt128[] denominator) = DomainShares(pgs, replicas);
        ShareBounds[] domains = new ShareBounds[DomainCount];
        for (int d = 0; d < domains.Length; d++) { domains[d] = ShareBounds.Of(numerator[d], denominator[d]); }
        ShareBounds[] osds = new ShareBounds[_osds.Count];
        for (int o = 0; o < osds.Length; o++)
        {
            int d = _domainOf[o];
            osds[o] = ShareBounds.Of(numerator[d] * _osds[o].Weight, denominator[d] * _domainWeight[d]);
        }
        return (osds, domains);
    }

    /// <summary>The whole number of replicas for each OSD; they add up to <paramref name="pgs"/> times
    /// <paramref name="replicas"/>.</summary>
    public int[] Take(int pgs, int replicas)
    {
        Invariant.Require(replicas <= DomainCount);
        (UInt128[] numerator, UInt128[] denominator) = DomainShares(pgs, replicas);
        int[] domainCount = RoundDomains(numerator, denominator, pgs * replicas);
        int[] counts = new int[_osds.Count];
        double[] fractions = new double[_osds.Count];
        int[] left = [.. domainCount];
        for (int o = 0; o < counts.Length; o++)
        {
            int d = _domainOf[o];
            UInt128 whole = numerator[d] * _osds[o].Weight;
            UInt128 by = denominator[d] * _domainWeight[d];
            counts[o] = (int)(whole / by);
            fractions[o] = (double)(whole % by) / (double)by;
            left[d] -= counts[o];
        }
        // One more each for the largest fractions of a domain; never for an OSD whose share is whole.
        int[] order = Order(counts.Length, o => fractions[o] > 0 ? fractions[o] + _osdCarry[o] : double.MinValue);
        foreach (int o in order)
        {
            int extra = left[_domainOf[o]] > 0 ? 1 : 0;
            left[_domainOf[o]] -= extra;
            counts[o] += extra;
            _osdCarry[o] += fractions[o] - extra;
        }
        return counts;
    }

    /// <summary>Share of each domain as numerator and denominator: by weight, at most one replica of each PG.</summary>
    private (UInt128[] Numerator, UInt128[] Denominator) DomainShares(int pgs, int replicas)
    {
        UInt128[] numerator = new UInt128[DomainCount];
        UInt128[] denominator = new UInt128[DomainCount];
        bool[] full = new bool[DomainCount];
        UInt128 weight = 0;
        foreach (UInt128 w in _domainWeight) { weight += w; }
        UInt128 slots = (UInt128)(pgs * (long)replicas);
        bool again = true;
        while (again)
        {
            again = false;
            for (int d = 0; d < DomainCount; d++)
            {
                if (full[d] || slots * _domainWeight[d] <= (UInt128)pgs * weight) { continue; }
                full[d] = true;
                again = true;
                slots -= (UInt128)pgs;
                weight -= _domainWeight[d];
            }
        }
        for (int d = 0; d < DomainCount; d++)
        {
            (numerator[d], denominator[d]) = full[d] ? ((UInt128)pgs, UInt128.One) : (slots * _domainWeight[d], weight);
        }
        return (numerator, denominator);
    }

    private int[] RoundDomains(UInt128[] numerator, UInt128[] denominator, int total)
    {
        int[] counts = new int[DomainCount];
        double[] fractions = new double[DomainCount];
        int left = total;
        for (int d = 0; d < DomainCount; d++)
        {
            counts[d] = (int)(numerator[d] / denominator[d]);
            fractions[d] = (double)(numerator[d] % denominator[d]) / (double)denominator[d];
            left -= counts[d];
        }
        foreach (int d in Order(DomainCount, d => fractions[d] > 0 ? fractions[d] + _domainCarry[d] : double.MinValue))
        {
            int extra = left > 0 ? 1 : 0;
            left -= extra;
            counts[d] += extra;
            _domainCarry[d] += fractions[d] - extra;
        }
        Invariant.Require(left == 0);
        return counts;
    }

    /// <summary>Indexes by falling key; equal keys by rising index.</summary>
    private static int[] Order(int count, Func<int, double> key)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) { order[i] = i; }
        Array.Sort(order, (a, b) =>
        {
            int byKey = key(b).CompareTo(key(a));
            return byKey != 0 ? byKey : a.CompareTo(b);
        });
        return order;
    }
}
