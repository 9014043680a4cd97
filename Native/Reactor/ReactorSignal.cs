using System;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>A value that arrives once: bridges callbacks to reactor tasks. One waiter at a time; after
/// <see cref="Reset"/> it can be used again. The value stays until then.</summary>
internal sealed class ReactorSignal<T> : ReactorAwaitable
{
    private T _value = default!;

    public bool IsSet { get; private set; }

    /// <summary>Sets the value and runs the waiting task on, inline: do this last. Once per use.</summary>
    public void Set(T value)
    {
        Invariant.Require(!IsSet);
        _value = value;
        IsSet = true;
        ResumeWaiter();
    }

    /// <summary>Makes it ready for the next use; not while a task waits.</summary>
    public void Reset()
    {
        Invariant.Require(!HasWaiter);
        IsSet = false;
        _value = default!;
    }

    public Awaiter GetAwaiter() => new(this);

    internal readonly struct Awaiter(ReactorSignal<T> signal) : IReactorAwaiter
    {
        private readonly ReactorSignal<T> _signal = signal;

        public bool IsCompleted => _signal.IsSet;

        public T GetResult()
        {
            Invariant.Require(_signal.IsSet);
            return _signal._value;
        }

        public void OnCompleted(Action continuation) => throw new NotSupportedException();

        public void UnsafeOnCompleted(Action continuation) => throw new NotSupportedException();
    }
}
