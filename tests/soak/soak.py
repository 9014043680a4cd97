#!/usr/bin/env python3
"""A cluster under verifying load, to which harm is done again and again, for hours: kill -9, SIGSTOP, and, as root, cut networks.

Three monitors, four OSDs, two exports, each with fio writing and checking what it reads; one harm at a time, and the cluster must
become whole after it. The servers that are never killed (mon.0, osd.0, nbd.0) show leaks: their memory (RSS) and descriptors
are looked at every 30 s, and after the first part of the run neither may grow. Ends with a table and 'PASSED' or 'FAILED: why'.
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import time

from cluster import Cluster

SAMPLE_SECONDS = 30
GROWTH_MAX = 1.10
HARM_SECONDS = 20


class Load:
    """fio over one export, again and again; each run writes every block of the image once and then reads all of it."""

    def __init__(self, cluster, name, rate):
        self.cluster, self.name, self.rate = cluster, name, rate
        self.runs = self.cut_short = 0
        self.disturbed = False  # its export was killed: what fio says of this run means nothing
        cluster.cli("image", "create", f"vol/{name}", "--size", "32M")
        self.uri = cluster.start_nbd(name, f"vol/{name}")
        self.begin()

    def begin(self):
        self.disturbed = False
        self.output = open(self.cluster.path(f"fio.{self.name}.out"), "w+")
        self.fio = subprocess.Popen(
            ["fio", f"--name={self.name}", "--ioengine=nbd", f"--uri={self.uri}", "--rw=randwrite", "--bs=4k", "--iodepth=8",
             "--size=32M", f"--rate_iops=,{self.rate}", "--randrepeat=0", "--verify=crc32c", "--do_verify=1", "--verify_fatal=1", "--verify_state_save=0", "--thread"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, start_new_session=True)

    def tend(self):
        """Begins the next run when one has ended; a failure is the end of everything."""
        code = self.fio.poll()
        if code is None:
            return
        if code != 0 and not self.disturbed:
            self.output.seek(0)
            raise RuntimeError(f"fio on {self.name} failed ({code}):\n{self.output.read()}")
        self.output.close()
        if code == 0:
            self.runs += 1
        else:
            self.cut_short += 1
        self.begin()

    def stop(self):
        """fio works in a thread of its own (--thread): a process that it forked would outlive it."""
        if self.fio.poll() is None:
            os.killpg(self.fio.pid, signal.SIGKILL)
            self.fio.wait()

    def kill_export(self):
        self.disturbed = True
        self.cluster.kill(self.name)
        self.stop()  # it would ask a dead server again and again, and write a line about it each time
        time.sleep(1)
        os.unlink(self.cluster.path(self.name + ".sock"))
        self.cluster.restart(self.name)
        self.cluster.until(lambda: os.path.exists(self.cluster.path(self.name + ".sock")), f"{self.name} to be back")


class Samples:
    """RSS and descriptors over time, by server and pid."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.rows = {}
        self.next = 0

    def take(self, now):
        if now < self.next:
            return
        self.next = now + SAMPLE_SECONDS
        for name, process in self.cluster.processes.items():
            try:
                with open(f"/proc/{process.pid}/status") as status:
                    rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
                descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
            except (FileNotFoundError, StopIteration):
                continue
            self.rows.setdefault((name, process.pid), []).append((now, rss, descriptors))

    def report(self, warm):
        """Prints a line per process that lived through the judged part; returns what grew."""
        grown = []
        print(f"{'server':8}{'samples':>8}{'rss, MiB: first':>17}{'warm':>8}{'last':>8}{'most':>8}{'files: warm':>13}{'last':>6}")
        for (name, _), rows in sorted(self.rows.items()):
            judged = [row for row in rows if row[0] >= warm]
            part = max(len(judged) // 3, 1)
            begin, end = judged[:part], judged[-part:]
            line = f"{name:8}{len(rows):8}{rows[0][1] / 1024:17.1f}"
            if len(judged) < 3 or rows[0][0] >= warm:
                print(line + f"{'-':>8}{rows[-1][1] / 1024:8.1f}{max(row[1] for row in rows) / 1024:8.1f}{'-':>13}{rows[-1][2]:6}")
                continue
            rss = [statistics.median(row[1] for row in rows) for rows in (begin, end)]
            # Connections come and go, and all other nodes may choose the same monitor; what leaks grows beyond that, and stays.
            files = [max(row[2] for row in begin), min(row[2] for row in end)]
            print(line + f"{rss[0] / 1024:8.1f}{rss[1] / 1024:8.1f}{max(row[1] for row in rows) / 1024:8.1f}{files[0]:13}{files[1]:6}")
            if rss[1] > rss[0] * GROWTH_MAX:
                grown.append(f"the memory of {name} grew from {rss[0] / 1024:.1f} to {rss[1] / 1024:.1f} MiB")
            if files[1] > files[0] + len(self.cluster.nodes):
                grown.append(f"the descriptors of {name} grew from {files[0]} to {files[1]}")
        return grown


class Harm:
    """One harm after the other, drawn from a seed, so that a run can be repeated in kind if not in time."""

    def __init__(self, cluster, loads, seed):
        self.cluster, self.loads = cluster, loads
        self.random = random.Random(seed)
        self.counts = {}
        self.kinds = [self.kill, self.kill, self.kill_all_monitors, self.stop, self.kill_export]
        if cluster.lab:
            self.kinds += [self.isolate, self.mute_or_deaf, self.part_two]

    def do(self, wait):
        kind = self.random.choice(self.kinds)
        self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
        kind(wait)

    def kill(self, wait):
        victim = self.random.choice(self.cluster.mons[1:] + self.cluster.osds[1:])
        self.cluster.kill(victim)
        wait(self.random.uniform(0, 6))
        self.cluster.restart(victim)

    def kill_all_monitors(self, wait):
        for mon in self.cluster.mons[1:]:
            self.cluster.kill(mon)
        wait(self.random.uniform(0, 6))
        for mon in self.cluster.mons[1:]:
            self.cluster.restart(mon)

    def stop(self, wait):
        victim = self.random.choice(self.cluster.mons + self.cluster.osds)
        self.cluster.signal(victim, signal.SIGSTOP)
        wait(self.random.uniform(0.2, 6))
        self.cluster.signal(victim, signal.SIGCONT)

    def kill_export(self, wait):
        self.loads[1].kill_export()

    def isolate(self, wait):
        victim = self.random.choice(self.cluster.mons + self.cluster.osds)
        self.cluster.cut(victim, [node for node in self.cluster.nodes if node != victim])
        wait(self.random.uniform(0.2, 6))
        self.cluster.heal()

    def mute_or_deaf(self, wait):
        victim = self.random.choice(self.cluster.mons + self.cluster.osds)
        hears = self.random.random() < 0.5
        self.cluster.cut(victim, [node for node in self.cluster.nodes if node != victim], hears=hears, speaks=not hears)
        wait(self.random.uniform(0.2, 6))
        self.cluster.heal()

    def part_two(self, wait):
        first, second = self.random.sample(self.cluster.nodes, 2)
        self.cluster.cut(first, [second])
        wait(self.random.uniform(0.2, 6))
        self.cluster.heal()


def run(cluster, options):
    began = time.monotonic()
    cluster.cli("pool", "create", "vol", "--replicas", "3", "--pgs", "32", "--failure-domain", "osd")
    cluster.until(cluster.is_whole, "all PGs to be clean")
    loads = [Load(cluster, name, options.rate) for name in ("nbd.0", "nbd.1")]
    samples = Samples(cluster)
    harm = Harm(cluster, loads, options.seed)

    def wait(seconds):
        end = time.monotonic() + seconds
        while True:
            for load in loads:
                load.tend()
            for name, process in cluster.processes.items():
                if process.poll() not in (None, -signal.SIGKILL):
                    raise RuntimeError(f"{name} ended by itself ({process.returncode}); logs are in {cluster.folder}")
            samples.take(time.monotonic())
            if time.monotonic() >= end:
                return
            time.sleep(min(0.2, max(end - time.monotonic(), 0)))

    failure = None
    try:
        while time.monotonic() - began < options.minutes * 60:
            wait(HARM_SECONDS)
            harm.do(wait)
            cluster.until(lambda: wait(0.5) or cluster.is_whole(), "the cluster to be whole again")
        wait(3)
        cluster.cli("fsck", "--compare", "--timeout", "120")
    except RuntimeError as error:
        failure = str(error)
    finally:
        for load in loads:
            load.stop()
    print("harm: " + ", ".join(f"{count} x {kind}" for kind, count in sorted(harm.counts.items())))
    print("load: " + ", ".join(f"{load.name}: {load.runs} runs verified, {load.cut_short} ended with their export" for load in loads))
    grown = samples.report(began + options.warmup * 60)
    if failure:
        return failure
    return "; ".join(grown)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--warmup", type=float, default=10, help="minutes after which nothing may grow any more")
    parser.add_argument("--rate", type=int, default=200, help="writes per second and export")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is removed
    print(f"seed {options.seed}")
    cluster = Cluster(mons=3, osds=4, size="1G", extra=["nbd.0", "nbd.1"])
    failure = "it was interrupted"
    try:
        if not cluster.lab:
            print("not root, or without ip and nft: the network is left alone")
        failure = run(cluster, options)
    finally:
        cluster.close(keep=bool(failure))
    print(f"FAILED: {failure}\nlogs are in {cluster.folder}" if failure else "PASSED")
    raise SystemExit(1 if failure else 0)


if __name__ == "__main__":
    main()
