using System;
using System.Runtime.ExceptionServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>The outcome of one run of an async method, pooled per thread. Whoever takes the outcome gives it back to the
/// pool; the version tells a task that was kept too long from the next user of the same promise.</summary>
internal class ReactorPromise<T> : ReactorContinuation
{
    private enum Phase : byte { Free, Running, Done }

    [ThreadStatic]
    private static ReactorPromise<T>? _pool;

    private Phase _phase;
    private bool _forgotten;
    private T _result = default!;
    private Exception? _error;
    private Action<Exception>? _onError;
    private ReactorPromise<T>? _nextFree;

    /// <summary>Grows with every use.</summary>
    internal int Version { get; private set; }

    internal bool IsDone => _phase is Phase.Done;

    /// <summary>A promise for a method that ended without ever waiting.</summary>
    internal static ReactorPromise<T> RentPlain()
    {
        ReactorPromise<T> promise = _pool ?? new ReactorPromise<T>();
        _pool = promise._nextFree;
        promise._nextFree = null;
        promise.Begin();
        return promise;
    }

    internal override void Resume() => Invariant.Require(false); // a plain promise never waits

    internal void SetResult(T result)
    {
        _result = result;
        Finish();
    }

    internal void SetException(Exception error)
    {
        _error = error;
        Finish();
    }

    /// <summary>Takes the outcome; the promise may be in use again when this returns.</summary>
    internal T TakeResult()
    {
        Invariant.Require(_phase is Phase.Done);
        T result = _result;
        Exception? error = _error;
        End();
        if (error is not null) { ExceptionDispatchInfo.Throw(error); }
        return result;
    }

    /// <summary>Nobody will wait for the outcome. An exception goes to <paramref name="onError"/>; without one it comes out
    /// of the loop, because an unexpected exception is a bug and going on is not safe.</summary>
    internal void Forget(Action<Exception>? onError)
    {
        _onError = onError;
        if (_phase is Phase.Done) { EndForgotten(); }
        else { _forgotten = true; }
    }

    protected void Begin()
    {
        Invariant.Require(_phase is Phase.Free);
        _phase = Phase.Running;
    }

    /// <summary>Back to the pool that it came from.</summary>
    protected virtual void Recycle()
    {
        _nextFree = _pool;
        _pool = this;
    }

    private void Finish()
    {
        Invariant.Require(_phase is Phase.Running);
        _phase = Phase.Done;
        if (_forgotten) { EndForgotten(); }
        else { ResumeWaiter(); }
    }

    private void EndForgotten()
    {
        Exception? error = _error;
        Action<Exception>? onError = _onError;
        End();
        if (error is null) { return; }
        if (onError is null) { ExceptionDispatchInfo.Throw(error); }
        onError(error);
    }

    private void End()
    {
        Version = unchecked(Version + 1);
        _phase = Phase.Free;
        _forgotten = false;
        _result = default!;
        _error = null;
        _onError = null;
        Recycle();
    }
}
