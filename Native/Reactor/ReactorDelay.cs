using System;

namespace Fastblock.Native.Reactor;

/// <summary>What <see cref="Reactor.Delay"/> returns; to be awaited once, at once.</summary>
internal readonly struct ReactorDelay
{
    private readonly DelaySource _source;

    internal ReactorDelay(DelaySource source) => _source = source;

    public Awaiter GetAwaiter() => new(_source);

    internal readonly struct Awaiter(DelaySource source) : IReactorAwaiter
    {
        private readonly DelaySource _source = source;

        public bool IsCompleted => _source.HasFired;

        public void GetResult() => _source.Take();

        public void OnCompleted(Action continuation) => throw new NotSupportedException();

        public void UnsafeOnCompleted(Action continuation) => throw new NotSupportedException();
    }
}
