using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Fastblock.Native.Reactor;

/// <summary>Makes <c>async ReactorTask</c> methods: the compiler finds its members by name.</summary>
[SuppressMessage("Performance", "CA1822", Justification = "The compiler calls them on an instance.")]
internal struct ReactorTaskMethodBuilder
{
    private ReactorPromise<bool>? _promise;

    public static ReactorTaskMethodBuilder Create() => default;

    /// <summary>Null promise = the method ended without waiting.</summary>
    public readonly ReactorTask Task => _promise is null ? default : new ReactorTask(_promise);

    public readonly void Start<TMachine>(ref TMachine machine) where TMachine : IAsyncStateMachine => machine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine machine) { }

    public readonly void SetResult() => _promise?.SetResult(true);

    public void SetException(Exception error)
    {
        _promise ??= ReactorPromise<bool>.RentPlain();
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
            ReactorMethodBox<TMachine, bool> box = ReactorMethodBox<TMachine, bool>.Rent();
            _promise = box;
            box.Machine = machine;
        }
        ReactorAwaiter.Await(ref awaiter, _promise);
    }
}
