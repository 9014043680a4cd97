using System;
using System.Runtime.CompilerServices;

namespace Fastblock.Native.Reactor;

/// <summary>The heap home of a suspended async method's state, pooled per method and thread: in steady state a wait costs
/// no allocation.</summary>
internal sealed class ReactorMethodBox<TMachine, T> : ReactorPromise<T>
    where TMachine : IAsyncStateMachine
{
    [ThreadStatic]
    private static ReactorMethodBox<TMachine, T>? _pool;

    private ReactorMethodBox<TMachine, T>? _nextFree;

    /// <summary>The state machine that the compiler made of the method.</summary>
    public TMachine Machine = default!;

    public static ReactorMethodBox<TMachine, T> Rent()
    {
        ReactorMethodBox<TMachine, T> box = _pool ?? new ReactorMethodBox<TMachine, T>();
        _pool = box._nextFree;
        box._nextFree = null;
        box.Begin();
        return box;
    }

    internal override void Resume() => Machine.MoveNext();

    protected override void Recycle()
    {
        Machine = default!; // drop what the method's variables refer to
        _nextFree = _pool;
        _pool = this;
    }
}
