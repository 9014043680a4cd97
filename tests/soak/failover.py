#!/usr/bin/env python3
"""How long clients wait when an OSD dies: the longest write after each kill -9 and after each silent cut (packets vanish), while
fio writes to random places. Root only. Prints one line per round and the worst of each kind."""

import argparse
import os
import signal
import subprocess
import sys
import time

from cluster import Cluster


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pgs", type=int, default=64, help="of the pool; with three OSDs that is what each of them holds")
    parser.add_argument("--rounds", type=int, default=4, help="of each kind")
    parser.add_argument("--rate", type=int, default=800, help="writes per second")
    parser.add_argument("--depth", type=int, default=256, help="writes in flight: more of them see more PGs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is removed
    cluster = Cluster(mons=3, osds=3, size="16G", extra=["nbd"])
    load = None
    try:
        if not cluster.lab:
            raise SystemExit("needs root, ip and nft")
        began = time.monotonic()
        cluster.cli("pool", "create", "vol", "--replicas", "3", "--pgs", str(options.pgs), "--failure-domain", "osd")
        size = max(options.pgs * 8, 256)  # MiB: a few objects in each PG
        cluster.cli("image", "create", "vol/load", "--size", f"{size}M")
        cluster.until(cluster.is_whole, "all PGs to be clean")
        print(f"{options.pgs} PGs clean after {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        uri = cluster.start_nbd("nbd", "vol/load")
        print(f"image open after {time.monotonic() - began:.2f} s")
        load = subprocess.Popen(
            ["fio", "--name=load", "--ioengine=nbd", f"--uri={uri}", "--rw=randwrite", "--bs=4k", f"--iodepth={options.depth}",
             f"--size={size}M", f"--rate_iops=,{options.rate}", "--time_based=1", "--runtime=3600", "--norandommap=1",
             f"--write_lat_log={cluster.path('load')}", "--log_unix_epoch=1", "--thread"],
            stdout=open(cluster.path("fio.out"), "w"), stderr=subprocess.STDOUT, start_new_session=True)
        time.sleep(3)
        events = []
        for turn in range(options.rounds):
            for kind in ("kill", "cut"):
                osd = cluster.osds[turn % len(cluster.osds)]
                start = time.time()
                if kind == "kill":
                    cluster.kill(osd)
                else:
                    cluster.cut(osd, [node for node in cluster.nodes if node != osd])
                time.sleep(3)
                events.append((kind, osd, start * 1000, time.time() * 1000))
                if kind == "kill":
                    cluster.restart(osd)
                else:
                    cluster.heal()
                cluster.until(cluster.is_whole, "all PGs to be clean")
                time.sleep(2)  # leaderships go back
                if load.poll() is not None:
                    raise RuntimeError("fio ended: " + open(cluster.path("fio.out")).read())
        load.terminate()
        load.wait()
        writes = []
        with open(cluster.path("load_lat.1.log")) as log:
            for line in log:
                end, nanos = line.split(",")[:2]
                writes.append((int(end), int(nanos) / 1e6))
        worst = {"kill": 0.0, "cut": 0.0, "back": 0.0}
        for number, (kind, osd, start, end) in enumerate(events):
            next_start = events[number + 1][2] if number + 1 < len(events) else writes[-1][0]
            stall = max((millis for at, millis in writes if start <= at <= end), default=0)
            after = max((millis for at, millis in writes if end < at < next_start), default=0)
            worst[kind] = max(worst[kind], stall)
            worst["back"] = max(worst["back"], after)
            print(f"{kind:5}{osd}  longest write {stall:5.0f} ms, when it is back {after:5.0f} ms")
        for kind, millis in worst.items():
            print(f"worst {kind}: {millis:.0f} ms")
    finally:
        if load and load.poll() is None:
            os.killpg(load.pid, signal.SIGKILL)
        cluster.close(keep=bool(os.environ.get("KEEP")))


if __name__ == "__main__":
    main()
