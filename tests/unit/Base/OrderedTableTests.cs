using System.Collections.Generic;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Base;

public sealed class OrderedTableTests
{
    [Fact]
    public void It_agrees_with_a_sorted_dictionary_under_random_use_and_its_walk_is_in_order()
    {
        Prng prng = new(5);
        OrderedTable<ulong, string> table = new();
        SortedDictionary<ulong, string> model = [];
        for (int step = 0; step < 20_000; step++)
        {
            ulong key = (ulong)prng.Below(200);
            string value = step.ToString(System.Globalization.CultureInfo.InvariantCulture);
            switch (prng.Below(4))
            {
                case 0 when !model.ContainsKey(key):
                    table.Add(key, value);
                    model.Add(key, value);
                    break;
                case 1:
                    table.Set(key, value);
                    model[key] = value;
                    break;
                case 2:
                    Assert.Equal(model.Remove(key, out string? expected), table.Remove(key, out string? removed));
                    Assert.Equal(expected, removed);
                    break;
                default:
                    Assert.Equal(model.GetValueOrDefault(key), table.GetValueOrDefault(key));
                    break;
            }
        }
        Assert.Equal(model.Values, table.Values);
        Assert.Equal(model.Count, table.Count);
        table.Clear();
        Assert.Empty(table.Values);
        Assert.Equal(0, table.Count);
    }
}
