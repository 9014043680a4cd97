using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Fastblock.Native.Reactor;

/// <summary>Makes <c>async ReactorTask&lt;T&gt;</c> methods: the compiler finds its members by name.</summary>
[SuppressMessage("Performance", "CA1822", Justification = "The compiler calls them on an instance.")]
internal struct ReactorTaskMethodBuilder<T>
{
    private ReactorPromise<T>? _promise;

    public static ReactorTaskMethodBuilder<T> Create() => default;

    public readonly ReactorTask<T> Task => new(_promise!);

    public readonly void Start<TMachine>(ref TMachine machine) where TMachine : IAsyncStateMachine => machine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine machine) { }

    public void SetResult(T result)
    {
        _promise ??= ReactorPromise<T>.RentPlain();
        _promise.SetResult(result);
    }

    public void SetException(Exception error)
    {
        _promise ??= ReactorPromise<T>.RentPlain();
        _promise.SetException(error);
    }

    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : INotifyCompletion
        where TMachine : IAsyncStateMachine =>
        AwaitUnsafeOnCompleted(ref awaiter, ref machine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TMachine : IAsyncStateMachine
    {
        if (_promise is null)
        {
            // First wait: the state moves from the stack to a box. The builder, which is part of the state, must know
            // the box before it is copied.
            ReactorMethodBox<TMachine, T> box = ReactorMethodBox<TMachine, T>.Rent();
            _promise = box;
            box.Machine = machine;
        }
        ReactorAwaiter.Await(ref awaiter, _promise);
    }
}
