using System;
using System.Runtime.CompilerServices;

namespace Fastblock.Native.Reactor;

/// <summary>The common beginning, and whole, of every awaiter: one reference. Builders look at awaiters through it.</summary>
internal readonly struct ReactorAwaiter(ReactorAwaitable source)
{
    public readonly ReactorAwaitable Source = source;

    /// <summary>Makes <paramref name="waiter"/> wait for what <paramref name="awaiter"/> stands for.</summary>
    public static void Await<TAwaiter>(ref TAwaiter awaiter, ReactorContinuation waiter)
    {
        if (!Kind<TAwaiter>.IsOurs) { ThrowForeign(typeof(TAwaiter)); }
        // SAFETY: IReactorAwaiter is implemented only by structs whose single field is a ReactorAwaitable reference.
        Unsafe.As<TAwaiter, ReactorAwaiter>(ref awaiter).Source.Await(waiter);
    }

    private static void ThrowForeign(Type type) => throw new InvalidOperationException(
        $"a reactor task can only await reactor tasks, signals and delays, not {type.Name}");

    /// <summary>Asked once per type: an interface test of a struct may box it, which would be an allocation per wait.</summary>
    private static class Kind<TAwaiter>
    {
        public static readonly bool IsOurs = typeof(TAwaiter).IsValueType && default(TAwaiter) is IReactorAwaiter
            && Unsafe.SizeOf<TAwaiter>() == Unsafe.SizeOf<ReactorAwaiter>();
    }
}
