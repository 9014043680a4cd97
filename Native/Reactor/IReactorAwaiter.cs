using System.Runtime.CompilerServices;

namespace Fastblock.Native.Reactor;

/// <summary>Marks the awaiters that a reactor task accepts: structs with exactly one field, a reference to a
/// <see cref="ReactorAwaitable"/>. Anything else could resume the task on a thread of the pool.</summary>
internal interface IReactorAwaiter : ICriticalNotifyCompletion;
