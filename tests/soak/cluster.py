"""A cluster whose servers are child processes, each in a network namespace when root runs it; for failover.py and soak.py."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NETLAB = os.path.join(HERE, "netlab.sh")
BINARY = os.environ.get("FASTBLOCK_BINARY") or os.path.join(HERE, "..", "..", "out", "fastblock")


class Cluster:
    """Monitors mon.0.., OSDs osd.0.. and whatever else is started with start()."""

    def __init__(self, mons, osds, size, extra=()):
        self.mons = [f"mon.{i}" for i in range(mons)]
        self.osds = [f"osd.{i}" for i in range(osds)]
        self.nodes = self.mons + self.osds + list(extra)
        self.folder = tempfile.mkdtemp(prefix="fbsoak")
        self.commands = {}
        self.processes = {}
        self.lab = None
        if os.geteuid() == 0 and shutil.which("nft") and shutil.which("ip"):
            self.lab = subprocess.run(["sh", NETLAB, "up", str(os.getpid()), *self.nodes], check=True,
                                      capture_output=True, text=True).stdout.strip()
        try:
            self._start_servers(size)
        except BaseException:
            self.close(keep=True)
            raise

    def _start_servers(self, size):
        addresses = ",".join(f"{self.address(mon)}:{self._port()}" for mon in self.mons)
        self.config = os.path.join(self.folder, "fastblock.toml")
        with open(self.config, "w") as file:
            file.write('[cluster]\nmons = ["%s"]\n' % addresses.replace(",", '", "'))
        cluster = subprocess.run(["cat", "/proc/sys/kernel/random/uuid"], capture_output=True, text=True).stdout.strip()
        for i, mon in enumerate(self.mons):
            self.cli("mon", "mkfs", "--device", self.path(mon + ".img"), "--id", str(i), "--mons", addresses,
                     "--cluster", cluster)
            self.start(mon, "mon", "--device", self.path(mon + ".img"))
        for osd in self.osds:
            self.cli("osd", "mkfs", "--device", self.path(osd + ".img"), "--size", size)
            self.start(osd, "osd", "--device", self.path(osd + ".img"), "--public-address", f"{self.address(osd)}:0")
        self.until(lambda: self.status().get("osds_up") == len(self.osds), "all OSDs to be up")

    def path(self, name):
        return os.path.join(self.folder, name)

    def address(self, node):
        return f"10.77.0.{self.nodes.index(node) + 1}" if self.lab else "127.0.0.1"

    def enter(self, node):
        """Begins a command line that runs where a node is; the hub is the operator's place."""
        return ["nsenter", f"--net=/run/netns/{self.lab}-{node}"] if self.lab else []

    def start(self, name, *arguments):
        """A server; its command is kept for restart()."""
        self.commands[name] = [*self.enter(name), BINARY, *arguments, "--config", self.config]
        self.restart(name)

    def restart(self, name):
        with open(self.path(name + ".log"), "a") as log:
            self.processes[name] = subprocess.Popen(self.commands[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    start_new_session=True)

    def signal(self, name, number):
        self.processes[name].send_signal(number)

    def kill(self, name):
        self.signal(name, signal.SIGKILL)
        self.processes[name].wait()

    def cli(self, *arguments, check=True):
        command = [*self.enter("hub"), BINARY, *arguments, "--config", self.config]
        done = subprocess.run(command, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def status(self):
        try:
            return json.loads(self.cli("status", "--json", "--timeout", "5", check=False))
        except ValueError:
            return {}

    def is_whole(self):
        status = self.status()
        return status.get("osds_up") == len(self.osds) and status["pgs_clean"] == status["pgs"] > 0

    def until(self, reached, what, seconds=120):
        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds} s for {what}; logs are in {self.folder}")
            time.sleep(0.1)

    def cut(self, node, others, hears=True, speaks=True):
        """Packets between a node and the others vanish: those to it, those from it, or both."""
        for other in others:
            if hears:
                subprocess.run(["sh", NETLAB, "drop", self.lab, other, node], check=True)
            if speaks:
                subprocess.run(["sh", NETLAB, "drop", self.lab, node, other], check=True)

    def heal(self):
        if self.lab:
            subprocess.run(["sh", NETLAB, "heal", self.lab], check=True)

    def start_nbd(self, name, image):
        """An export on a unix socket; returns the URI."""
        sock = self.path(name + ".sock")
        self.start(name, "nbd", image, "--listen", sock, "--take-over")
        self.until(lambda: os.path.exists(sock), f"the export of {image}")
        return f"nbd+unix:///{image}?socket={sock}"

    def close(self, keep=False):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.lab:
            subprocess.run(["sh", NETLAB, "down", self.lab])
        if not keep:
            shutil.rmtree(self.folder)

    def _port(self):
        if self.lab:
            return 7300  # the namespace is ours alone
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]
