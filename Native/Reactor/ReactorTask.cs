using System;
using System.Runtime.CompilerServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>The return type of async methods on a reactor. The method runs at once, up to its first wait; it is resumed
/// inline by whatever completes that wait, always on the reactor's thread. To be awaited once, or forgotten.</summary>
[AsyncMethodBuilder(typeof(ReactorTaskMethodBuilder))]
internal readonly struct ReactorTask
{
    private readonly ReactorPromise<bool>? _promise;
    private readonly int _version;

    internal ReactorTask(ReactorPromise<bool> promise)
    {
        _promise = promise;
        _version = promise.Version;
    }

    /// <summary>A task that has ended.</summary>
    public static ReactorTask Completed => default;

    public bool IsCompleted => _promise is null || Checked(_promise).IsDone;

    /// <summary>Lets the method run on by itself. An exception goes to <paramref name="onError"/>, or without one out of
    /// the loop.</summary>
    public void Forget(Action<Exception>? onError = null)
    {
        if (_promise is not null) { Checked(_promise).Forget(onError); }
    }

    /// <summary>As <see cref="Forget"/> without a handler: reads better for tasks that live as long as their owner.</summary>
    public void Start() => Forget();

    public Awaiter GetAwaiter() => new(_promise is null ? null : Checked(_promise));

    private ReactorPromise<bool> Checked(ReactorPromise<bool> promise)
    {
        Invariant.Require(promise.Version == _version); // awaited or forgotten twice
        return promise;
    }

    internal readonly struct Awaiter(ReactorPromise<bool>? promise) : IReactorAwaiter
    {
        private readonly ReactorPromise<bool>? _promise = promise;

        public bool IsCompleted => _promise is null || _promise.IsDone;

        public void GetResult()
        {
            if (_promise is not null) { _ = _promise.TakeResult(); }
        }

        public void OnCompleted(Action continuation) => throw new NotSupportedException();

        public void UnsafeOnCompleted(Action continuation) => throw new NotSupportedException();
    }
}
