using System;
using System.Runtime.CompilerServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary><see cref="ReactorTask"/> with a result.</summary>
[AsyncMethodBuilder(typeof(ReactorTaskMethodBuilder<>))]
internal readonly struct ReactorTask<T>
{
    private readonly ReactorPromise<T> _promise;
    private readonly int _version;

    internal ReactorTask(ReactorPromise<T> promise)
    {
        _promise = promise;
        _version = promise.Version;
    }

    public bool IsCompleted => Checked.IsDone;

    /// <inheritdoc cref="ReactorTask.Forget"/>
    public void Forget(Action<Exception>? onError = null) => Checked.Forget(onError);

    /// <inheritdoc cref="ReactorTask.Start"/>
    public void Start() => Forget();

    /// <summary>The result of a task that <see cref="IsCompleted"/>: for code outside async methods (tests, set-up). Counts
    /// as its one await.</summary>
    public T TakeResult() => Checked.TakeResult();

    public Awaiter GetAwaiter() => new(Checked);

    private ReactorPromise<T> Checked
    {
        get
        {
            Invariant.Require(_promise.Version == _version); // awaited or forgotten twice
            return _promise;
        }
    }

    internal readonly struct Awaiter(ReactorPromise<T> promise) : IReactorAwaiter
    {
        private readonly ReactorPromise<T> _promise = promise;

        public bool IsCompleted => _promise.IsDone;

        public T GetResult() => _promise.TakeResult();

        public void OnCompleted(Action continuation) => throw new NotSupportedException();

        public void UnsafeOnCompleted(Action continuation) => throw new NotSupportedException();
    }
}
