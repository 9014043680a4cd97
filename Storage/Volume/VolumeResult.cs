namespace Fastblock.Storage.Volume;

/// <summary>Outcome of formatting or opening a device.</summary>
/// <param name="Status">Ok, or why not.</param>
/// <param name="Label">The device's label, as far as it could be read.</param>
/// <param name="Text">For the operator, when the status is not Ok: what, and what to do.</param>
internal readonly record struct VolumeResult(VolumeStatus Status, VolumeLabel? Label, string Text);
