using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Fastblock.Storage.Volume;

/// <summary>One line of what an offline reader found: what it is, and named values in order. The command line prints it as text
/// or as JSON.</summary>
internal sealed class InspectRow(string kind)
{
    private readonly List<(string Name, string Value)> _fields = [];
    private readonly List<int> _numbers = [];

    /// <summary>label, superblock, batch, record, pair, group, problem, end, ...</summary>
    public string Kind { get; } = kind;

    public IReadOnlyList<(string Name, string Value)> Fields => _fields;

    public InspectRow With(string name, string value)
    {
        _fields.Add((name, value));
        return this;
    }

    public InspectRow With(string name, long value) => WithNumber(name, value.ToString(CultureInfo.InvariantCulture));

    public InspectRow With(string name, ulong value) => WithNumber(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Whether the field at <paramref name="index"/> is a number, which JSON tells from text.</summary>
    public bool IsNumber(int index) => _numbers.Contains(index);

    private InspectRow WithNumber(string name, string value)
    {
        _numbers.Add(_fields.Count);
        return With(name, value);
    }

    /// <summary>As text: the kind, then name=value.</summary>
    public override string ToString()
    {
        StringBuilder text = new(Kind);
        foreach ((string name, string value) in _fields) { _ = text.Append(' ').Append(name).Append('=').Append(value); }
        return text.ToString();
    }
}
