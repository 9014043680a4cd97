using System;
using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Osd;

/// <summary>Runs a task on a shard's reactor and brings its result back to the caller's. For starting and stopping only.</summary>
internal sealed class ShardCall : IRunnable
{
    private readonly Reactor _home;
    private readonly Func<ReactorTask<string?>> _work;
    private readonly ReactorSignal<string?> _done = new();
    private string? _result;
    private bool _isBack;

    private ShardCall(Reactor home, Func<ReactorTask<string?>> work)
    {
        _home = home;
        _work = work;
    }

    public static async ReactorTask<string?> RunAsync(Reactor home, Reactor shard, Func<ReactorTask<string?>> work)
    {
        if (home == shard) { return await work(); }
        ShardCall call = new(home, work);
        shard.Post(call);
        return await call._done;
    }

    public void Run()
    {
        if (_isBack) { _done.Set(_result); } else { WorkAsync().Start(); }
    }

    private async ReactorTask WorkAsync()
    {
        _result = await _work();
        _isBack = true;
        _home.Post(this);
    }
}
