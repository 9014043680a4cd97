using System;
using System.ComponentModel;
using System.Threading;
using System.Threading.Tasks;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Fastblock.Tests.E2e;

/// <summary>A test case that may turn out to be impossible while it runs: reports a <see cref="CannotRunHereException"/> as
/// a skipped test. xunit 2 itself only knows skips that are decided before anything runs.</summary>
public sealed class SkippableTestCase : XunitTestCase
{
    /// <summary>xunit makes one and then deserializes into it.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    [Obsolete("for xunit")]
    public SkippableTestCase()
    {
    }

    public SkippableTestCase(IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(diagnostics, display, options, method)
    {
    }

    public override async Task<RunSummary> RunAsync(IMessageSink diagnosticMessageSink, IMessageBus messageBus,
        object[] constructorArguments, ExceptionAggregator aggregator, CancellationTokenSource cancellationTokenSource)
    {
        using SkippingBus bus = new(messageBus);
        RunSummary summary = await base.RunAsync(diagnosticMessageSink, bus, constructorArguments, aggregator, cancellationTokenSource);
        summary.Failed -= bus.Skipped;
        summary.Skipped += bus.Skipped;
        return summary;
    }

    /// <summary>Passes everything on, one kind of failure as a skip.</summary>
    private sealed class SkippingBus(IMessageBus next) : IMessageBus
    {
        public int Skipped { get; private set; }

        public bool QueueMessage(IMessageSinkMessage message)
        {
            if (message is ITestFailed failed && failed.ExceptionTypes[0] == typeof(CannotRunHereException).FullName)
            {
                Skipped++;
                return next.QueueMessage(new TestSkipped(failed.Test, failed.Messages[0]));
            }
            return next.QueueMessage(message);
        }

        /// <summary>The next bus is not ours.</summary>
        public void Dispose()
        {
        }
    }
}
