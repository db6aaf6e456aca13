# SPDX-License-Identifier: Apache-2.0
"""The suites on the simulated cluster (docs/cluster.md): vm/sim/NAME, and vm/simdebug/NAME with
kernels that look for bugs.

Runs repeat exactly, so a failure names the command that shows it again.
"""
import collections
import csv
import hashlib
import json
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "experiments"))
from homaexp.cluster import truth  # noqa: E402
from homaexp.cluster.truth import DELIVERED, DEQUEUED, ENQUEUED, SENT  # noqa: E402

BUILD = TOP / "build"
LOGS = BUILD / "test-logs"
PROGRAMS = {"/bin/rpcload": BUILD / "experiments/workload/rpcload",
            "/bin/rpc_ledger": BUILD / "tests/abi/rpc_ledger",
            "/bin/ttdump": BUILD / "tracer/tools/ttdump",
            "/w3.csv": TOP / "configs/workloads/w3.csv"}
HOMASCOPE = BUILD / "analyzers/homascope"

# These tell about wall time.
UNREPEATABLE = {"timing.json", "guest.json", "fabric.log"}


class Failure(Exception):
    """Why a case failed, on one line."""


class Cluster:
    """One finished run."""

    guest = "sim"  # whose kernel the nodes run: one of GUESTS

    def __init__(self, name, nodes, script, args=(), topology="", seed=1, truth=True,
                 cpu_model="", programs=()):
        self.out = LOGS / self.guest / name
        self.out.mkdir(parents=True, exist_ok=True)
        command = ["testbed/vm", "cluster", "--kernel", GUESTS[self.guest].kernel,
                   "--nodes", str(nodes), "--seed", str(seed),
                   "--timeout", str(GUESTS[self.guest].timeout), "--out", str(self.out)]
        for option, text in (("--topology", topology), ("--cpu-model", cpu_model)):
            if text:
                file = self.out.with_name(f"{name}{option}.toml")
                file.write_text(text)
                command += [option, str(file)]
        command += ["--truth"] if truth else []
        for target, source in (PROGRAMS | dict(programs)).items():
            command += ["--file", f"{source}:{target}"]
        command += [f"tests/cluster/{script}.sh", *map(str, args)]
        self.replay = " ".join(word.removeprefix(f"{TOP}/") for word in command)
        done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        self.out.with_name(f"{name}.log").write_text(f"+ {self.replay}\n{done.stdout}{done.stderr}")
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("vm: node")]
            raise Failure(f"status {done.returncode}: {(said or ['no node said why'])[0]}; "
                          f"again: {self.replay}")
        self.fabric = json.loads((self.out / "fabric.json").read_text())

    def need(self, condition, why):
        """A condition the case wants."""
        if not condition:
            raise Failure(f"{why}; again: {self.replay}")

    def node(self, number, file):
        """Text of a node's result."""
        return (self.out / f"node{number}" / file).read_text()

    def rpclog(self, number, file):
        """(start, end) of a node's RPCs by its clock, ns."""
        log = (self.out / f"node{number}" / file).read_bytes()
        header_bytes, record_bytes = struct.unpack_from("<II", log, 8)
        for at in range(header_bytes, len(log), record_bytes):
            fields = struct.unpack_from("<QQQQQ", log, at)
            yield fields[1], fields[4]

    def truth(self):
        """Records of truth.bin."""
        return truth.read(self.out)

    def dropped(self):
        """Packets dropped, by reason."""
        total = collections.Counter()
        for port in self.fabric["ports"]:
            total.update(port["dropped"])
        return +total

    def hashes(self):
        """Hash of every file that must repeat."""
        return {str(path.relative_to(self.out)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(self.out.rglob("*"))
                if path.is_file() and path.name not in UNREPEATABLE}


def wire_ns(frame_bytes, gbps=10):
    """Time on a link, rounded up; 24 bytes of preamble, check sequence and gap."""
    bits = (max(frame_bytes, 60) + 24) * 8
    return -(-bits // gbps)


def exact():
    """UDP takes the sum of its parts; a queue drains at the rate of its link."""
    run = Cluster("exact", 3, "exact")
    records = list(run.truth())
    frame = 14 + 20 + 8 + 100
    one_way = 2 * (wire_ns(frame) + 500) + 300
    times = [r.time for r in records if r.frame_bytes == frame
             and (r.step == SENT or r.step == DELIVERED)]
    run.need(len(times) == 4 * 5, f"{len(times)} sends and deliveries instead of 20")
    for i in range(0, len(times), 4):
        run.need([times[i + 1] - times[i], times[i + 3] - times[i + 2]] == [one_way, one_way],
                 f"one way took {times[i + 1] - times[i]} and {times[i + 3] - times[i + 2]} ns, "
                 f"its parts {one_way}")
    # Each reading of the clock lets a nanosecond pass in the process that reads it.
    for i, (start, end) in enumerate(run.rpclog(1, "rpclog")):
        seen, true = end - start, times[4 * i + 3] - times[4 * i]
        run.need(0 <= seen - true <= 3, f"the program saw {seen} ns, the network {true}")
    for port, step, least in (("leaf0-host0", DEQUEUED, 100), ("host1", SENT, 30)):
        pairs = 0
        left = [r for r in records if r.port == port and r.step == step]
        for before, after in zip(left, left[1:]):
            if before.queue_bytes:
                pairs += 1
                run.need(after.time - before.time == wire_ns(before.frame_bytes),
                         f"{port}: a packet of {before.frame_bytes} bytes held the link for "
                         f"{after.time - before.time} ns instead of {wire_ns(before.frame_bytes)}")
        run.need(pairs >= least, f"{port}: only {pairs} packets left a queue that was not empty")


CPU_MODEL = """syscall_ns = 101
copy_ns_per_kb = 1030
softirq_ns = 203
ipi_ns = 307
gro_packet_ns = 409
wakeup_ns = 503
"""
# A node sends once and receives once, both with a system call and a copy of 100 bytes.
COST_NS = {"syscall": 2 * 101, "copy": 103, "copy_in": 103, "softirq": 203 + 307, "input": 409,
           "wakeup": 503}
OFFSET_NS = 7_000_001
LONG_NS = 1_744_000  # 1 MB to and fro; 1,734,334 at full speed
LATE_NS = 2000  # of the pacer, each time


def cpu_model():
    """A round trip costs what the model says; a node's clock is off by what the topology says.

    Long messages leave nearly at full speed, even if the pacer is late each time.
    """
    run = Cluster("cpu_model", 2, "cpu_model", [LATE_NS], cpu_model=CPU_MODEL,
                  topology=f"[clock]\noffset_ns = [0, {OFFSET_NS}]\n")
    # The first of all brings CUTOFFS.
    free, costly = (list(run.rpclog(1, name))[1:] for name in ("free", "costly"))
    run.need(len(free) == len(costly) == 5, f"{len(free)} and {len(costly)} RPCs instead of 5")
    for (start, end), (costly_start, costly_end) in zip(free, costly):
        extra = costly_end - costly_start - (end - start)
        run.need(extra == 2 * sum(COST_NS.values()),
                 f"RPCs take {extra} ns more, the costs are {2 * sum(COST_NS.values())} ns")
    for node in (0, 1):
        logged = collections.Counter()
        for line in run.node(node, "delays").splitlines()[1:]:
            _, _, _, point, _, _, took_ns = line.split()
            logged[point] += int(took_ns)
        for point, ns in COST_NS.items():
            # 6 RPCs; CUTOFFS and ACKs are packets, too.
            run.need(logged[point] == 6 * ns or point in ("softirq", "input")
                     and logged[point] > 6 * ns, f"node {node} logged {logged[point]} ns of {point}")
    sent = [r.time for r in run.truth() if r.port == "host1" and r.step == SENT
            and r.frame_bytes == 14 + 20 + 56 + 100][-len(free):]
    for time, (start, _) in zip(sent, free):
        run.need(OFFSET_NS <= time - start <= OFFSET_NS + 5,
                 f"node 1 is {time - start} ns behind instead of {OFFSET_NS}")
    for name, most_ns in (("long", LONG_NS), ("late", LONG_NS + 2 * LATE_NS)):
        took = [end - start for start, end in run.rpclog(1, name)][1:]
        run.need(len(took) == 5, f"{len(took)} RPCs {name} instead of 5")
        run.need(max(took) <= most_ns, f"1 MB, {name}: {took} ns, {most_ns} are allowed")


SLOW_NS = 300_000
LIMIT_US = 100
OFFSETS_NS = [0, 7_000_001, 3_000_000]


def captured(run, node):
    """(id, dump) of the only capture of a node."""
    lines = run.node(node, "collected").splitlines()
    ids = re.findall(r": capture ([0-9a-f]{16}) until ", "\n".join(lines))
    run.need(len(lines) == len(ids) == 1, f"node {node} collected: {lines}")
    return ids[0], str(run.out / f"node{node}" / f"node{node}-0.ttd")


def attributed(run, dumps, *options):
    """(clocks, RPCs) of homascope attribute."""
    report, table = (run.out.with_name(f"{run.out.name}.{kind}") for kind in ("json", "csv"))
    done = subprocess.run([HOMASCOPE, "attribute", "--trace", *dumps, *options, "--json", report,
                           "--csv", table], capture_output=True, text=True, check=False)
    run.need(done.returncode == 0, f"homascope: {done.stderr.strip()}")
    with open(table, encoding="utf-8", newline="") as lines:
        rows = [{name: int(value) for name, value in row.items()}
                for row in csv.DictReader(line for line in lines if not line.startswith("#"))]
    return json.loads(report.read_text())["trace"]["clocks"], rows


def capture():
    """One RPC is slow: all three hosts capture that moment, and together they say why it was."""
    run = Cluster("capture", 3, "capture", [SLOW_NS, LIMIT_US],
                  programs={"/bin/homascope": HOMASCOPE},
                  topology=f"[clock]\noffset_ns = {OFFSETS_NS}\n")
    nodes = (1, 0, 2)  # node 1 is the client
    ids, dumps = zip(*(captured(run, node) for node in nodes))
    run.need(len(set(ids)) == 1 and int(ids[0], 16), f"captures are called {' '.join(ids)}")
    clocks, rows = attributed(run, dumps)
    run.need([clock["host"] for clock in clocks] == ["node0", "node2"], f"clocks: {clocks}")
    for node, clock in zip(nodes[1:], clocks):
        # A node boots so much later: its clock is behind.
        wrong = abs(clock["ahead_ns"] - (OFFSETS_NS[1] - OFFSETS_NS[node]))
        # A packet is on its way for 1.6 us, and a drift of 500 ppm may hide behind that.
        run.need(wrong <= clock["uncertainty_ns"] < 6000, f"clock of node {node} is {clock}")
    slow = [row for row in rows if row["rtt_ns"] > LIMIT_US * 1000]
    run.need(len(rows) > 40 and len(slow) == 1, f"{len(slow)} of {len(rows)} RPCs are slow")
    # Each event of the trace on the way may take a nanosecond.
    late = slow[0]["req_notice"]
    run.need(SLOW_NS <= late < SLOW_NS + 20, f"its server came {late} ns late, not {SLOW_NS}")
    run.need(slow[0]["req_unexplained"] + slow[0]["resp_unexplained"] == 0, f"unexplained: {slow[0]}")


DRIFTS_PPM = [0, 150, -100]
COUNT = 50  # RPCs at a time


def hosts():
    """Clocks drift apart: TCP by its logs and Homa by its trace are explained all the same."""
    run = Cluster("hosts", 3, "hosts", [COUNT],
                  topology=f"[clock]\noffset_ns = {OFFSETS_NS}\ndrift_ppm = {DRIFTS_PPM}\n")
    dumps = [str(run.out / f"node{node}/trace.ttd") for node in range(3)]
    logs = [str(path) for path in sorted(run.out.glob("node*/rpclog*"))]
    for options in [[option for log in logs for option in ("--rpclog", log)], []]:
        clocks, rows = attributed(run, dumps, *options)
        for node, clock in zip((1, 2), clocks):
            wrong = abs(clock["drift_ppm"] - DRIFTS_PPM[node])
            run.need(clock["host"] == f"node{node}" and wrong < 10
                     and clock["uncertainty_ns"] < 4000, f"clock of node {node} is {clock}")
        run.need(len(rows) == 8 * COUNT, f"{len(rows)} RPCs explained instead of {8 * COUNT}")
        for row in rows:
            run.need(row["req_unexplained"] + row["resp_unexplained"] == 0, f"unexplained: {row}")
            # Both ways are of one length, which the clocks' error moves from one to the other.
            apart = abs(row["req_network"] - row["resp_network"])
            run.need(apart < 100, f"the clocks are {apart / 2} ns wrong: {row}")


LOSSY = """kind = "single"
[impair]
loss = 0.02
duplicate = 0.01
reorder = 0.05
[[fault]]
kind = "link_down"
node = 2
at_ns = 60000000
for_ns = 3000000
"""


def determinism():
    """A seed gives the same bytes, another one does not."""
    first = Cluster("same1", 8, "all_to_all", [1], LOSSY).hashes()
    names = [name for name in first if name.endswith((".ttd", "rpclog", "truth.bin"))]
    if len(names) != 17:
        raise Failure(f"{len(names)} traces, logs and truths instead of 17")
    for repeat in (2, 3):
        run = Cluster(f"same{repeat}", 8, "all_to_all", [1], LOSSY)
        again = run.hashes()
        differ = [name for name in sorted(first | again) if first.get(name) != again.get(name)]
        run.need(not differ, f"repeat {repeat} differs in {' '.join(differ[:4])}")
    other = Cluster("other", 8, "all_to_all", [1], LOSSY, seed=2)
    other.need(other.hashes()["truth.bin"] != first["truth.bin"], "another seed, the same truth")


def goodput_gbps(run, megabytes):
    """Of messages to node 0, from the first packet to the last."""
    times = [r.time for r in run.truth() if r.port == "host0" and r.step == DELIVERED
             and r.frame_bytes > 1000]
    return megabytes * 8e6 / (times[-1] - times[0])


def incast():
    """15 messages of 1 MB to one node: nothing lost, the link is busy."""
    run = Cluster("incast", 16, "incast")
    lost = {reason: n for reason, n in run.dropped().items()
            if reason != "host_gone"}  # multicast to those that have ended
    run.need(not lost, f"drops: {lost}")
    run.need(goodput_gbps(run, 15) >= 9, f"goodput is {goodput_gbps(run, 15):.2f} Gb/s")


def incast_overflows():
    """6 messages of 1 MB, half of whose first packets are lost: the link is busy all the same."""
    run = Cluster("incast_overflows", 7, "incast",
                  topology="[switch]\nbuffer_bytes = 128000\nshared_buffer = true\n")
    lost = run.dropped()["buffer"]
    run.need(lost > 100, f"only {lost} packets did not fit")
    run.need(goodput_gbps(run, 6) >= 8, f"goodput is {goodput_gbps(run, 6):.2f} Gb/s")


ECN_BYTES = 97_500


def queue_bytes(run):
    """Queue to node 0 at each packet that joins it, of the middle half of them."""
    queue = [r.queue_bytes for r in run.truth() if r.port == "leaf0-host0" and r.step == ENQUEUED
             and r.frame_bytes > 1000]
    return queue[len(queue) // 4:-len(queue) // 4]


def ecn():
    """DCTCP keeps the queue at the threshold where the switch marks; CUBIC without ECN fills it."""
    topology = ("[host]\nchecksum_offload = true\n[switch]\nbuffer_bytes = 1048576\n"
                f"ecn_bytes = {ECN_BYTES}\n")
    run = Cluster("ecn", 5, "tcp", ["dctcp", 6], topology)
    marked = sum(port["marked"] for port in run.fabric["ports"])
    seen = re.search(r"IpExt: (?:\d+ )+", run.node(0, "netstat"))
    names = re.search(r"IpExt: (.*InCEPkts.*)", run.node(0, "netstat"))
    arrived = int(seen.group().split()[names.group().split().index("InCEPkts")])
    run.need(marked > 1000 and arrived == marked,
             f"the switch marked {marked} packets, {arrived} arrived with a mark")
    run.need(not run.dropped()["buffer"], f"{run.dropped()['buffer']} packets dropped")
    queue = queue_bytes(run)
    run.need(0.7 * ECN_BYTES < sum(queue) / len(queue) < ECN_BYTES and max(queue) < 1.5 * ECN_BYTES,
             f"queue of {sum(queue) // len(queue)} bytes in the mean, {max(queue)} at most")
    run = Cluster("no_ecn", 5, "tcp", ["cubic", 6], topology)
    queue = queue_bytes(run)
    run.need(not any(port["marked"] for port in run.fabric["ports"]), "packets without ECN are marked")
    run.need(sum(queue) / len(queue) > 3 * ECN_BYTES,
             f"CUBIC queues {sum(queue) // len(queue)} bytes in the mean")


IMPAIRED = {
    "loss_0.1": "[impair]\nloss = 0.001\n",
    "loss_1": "[impair]\nloss = 0.01\n",
    "loss_10": "[impair]\nloss = 0.1\n",
    "bursts": "[impair]\nloss = 0.005\nburst_packets = 8\n",
    "reorder": "[impair]\nreorder = 0.3\nreorder_delay_ns = 50000\n",
    "duplicate": "[impair]\nduplicate = 0.2\n",
    "grants_lost": "[impair]\nloss = 0.3\nhoma_type = \"GRANT\"\n",
    "flaps": "[[fault]]\nkind = \"link_down\"\nnode = 1\nat_ns = 201000000\nfor_ns = 4000000\n"
             "every_ns = 9000000\n",
    "kill": "[[fault]]\nkind = \"kill\"\nnode = 3\nat_ns = 201000000\n",
}
RPCS_A_RUN = 5600  # 50,400 in all; those to the killed node fail


def number(text, name):
    """The count that a line of rpc_ledger gives a name."""
    found = re.search(rf"\b{name} (\d+)", text)
    return int(found.group(1)) if found else -1


def reliability(name):
    """All ask all while something goes wrong: at most once, every byte, no leak."""
    nodes, killed = 4, name == "kill"
    alive = range(nodes - 1) if killed else range(nodes)
    run = Cluster(name, nodes, "ledger", [RPCS_A_RUN // nodes, 1, *alive], IMPAIRED[name],
                  truth=False)
    completed = executed = 0
    for k in alive:
        client, server = run.node(k, "client.log"), run.node(k, "server.log")
        sent, done = number(client, "sent"), number(client, "completed")
        run.need(number(client, "damaged") == 0 and number(client, "unasked") == 0 and sent > 0,
                 f"node {k}: {client.strip()}")
        run.need(killed or run.node(k, "client.status").strip() == "0",
                 f"node {k}: {client.strip()}")
        failed = sum(int(n) for n in re.findall(r", E[A-Z]+ (\d+)", client))
        run.need(done + failed == sent, f"node {k}: RPCs without end: {client.strip()}")
        run.need(run.node(k, "server.status").strip() == "0", f"node {k}: {server.strip()}")
        completed += done
        executed += number(server, "distinct")
        # It gives up when its tables are full.
        run.need(run.guest == "sim" or re.search(r"debug_locks: +1", run.node(k, "lockdep")),
                 f"node {k}: lockdep gave up")
    run.need(killed or completed == executed == RPCS_A_RUN,
             f"{completed} RPCs completed, {executed} executed")
    if name in ("loss_1", "loss_10", "bursts", "grants_lost"):
        run.need(run.dropped().get("loss"), "nothing was lost")
    if name == "flaps":
        run.need(run.dropped().get("link_down"), "the link was never down")
    if killed:
        run.need(run.dropped().get("host_gone"), "nobody was killed")
    return completed


def impossible(line, *options, limits=""):
    """The command must end with status 2 or 5 and one line that begins so, before it writes."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        command = ["testbed/vm", "cluster", *options, "--out", str(out), "tests/cluster/exact.sh"]
        done = subprocess.run(["bash", "-c", f'{limits} exec "$@"', "bash", *command], cwd=TOP,
                              capture_output=True, text=True, check=False)
        said = done.stderr.strip().splitlines()
        if done.returncode not in (2, 5) or len(said) != 1 or line not in said[0]:
            raise Failure(f"status {done.returncode}, {len(said)} lines: {' | '.join(said)[:200]}")
        if out.exists():
            raise Failure("it wrote results")


def file_error(line, text, option="--topology"):
    """The same for a topology or a CPU model."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        impossible(line, "--nodes", "4", option, file.name)


def model_error(line, text):
    """A CPU model that cannot be."""
    return file_error(line, text, "--cpu-model")


def stale_socket():
    """A socket nobody listens on is replaced, another program's is not."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(BUILD / "testbed/fabric/fabric"), "--nodes", "1", "--topology",
                   "configs/topologies/single.toml", "--sockets", folder, "--out", folder]
        other = socket.socket(socket.AF_UNIX)
        other.bind(f"{folder}/calendar")
        other.listen()
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
        if done.returncode != 1 or "another program listens" not in done.stderr:
            raise Failure(f"status {done.returncode}: {done.stderr.strip()}")
        other.close()
        with subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, text=True) as fabric:
            ready = fabric.stdout.readline()
            fabric.kill()
        if ready != "READY\n":
            raise Failure("a stale socket was not replaced")


def splat():
    """What a node's kernel complains about fails the run, with the node's number."""
    try:
        Cluster("splat", 2, "splat")
    except Failure as failure:
        if "status 3: vm: node 1: DMESG NOT CLEAN: " not in str(failure):
            raise
    else:
        raise Failure("a node's complaint failed nothing")


BAD_INPUT = {
    "unknown_key": lambda: file_error("'rate' in [host] is unknown", "[host]\nrate = 1\n"),
    "bad_value": lambda: file_error("from 1 to 400", "[host]\nrate_gbps = 401\n"),
    "too_many_leaves": lambda: file_error("are 9, for 4 nodes",
                                          'kind = "leaf-spine"\n[leaf_spine]\nleaves = 9\n'),
    "fault_elsewhere": lambda: file_error("from 0 to 3", '[[fault]]\nkind = "kill"\n'
                                                         'node = 4\nat_ns = 1\n'),
    "model_unknown_key": lambda: model_error("'sycall_ns' is unknown", "sycall_ns = 1\n"),
    "model_bad_value": lambda: model_error("from 0 to 10000", "copy_ns_per_kb = 10001\n"),
    "model_no_toml": lambda: model_error("line 1", "syscall_ns\n"),
    "no_model": lambda: impossible("no such file", "--nodes", "2", "--cpu-model", "none"),
    "no_topology": lambda: impossible("no such file", "--nodes", "2", "--topology", "/none.toml"),
    "no_nodes": lambda: impossible("--nodes", "--nodes", "0"),
    "too_many_nodes": lambda: impossible("at most 254", "--nodes", "255"),
    "other_kernel": lambda: impossible("sim, not uml-smp", "--nodes", "2",
                                       "--kernel", "uml-smp"),
    "no_memory": lambda: impossible("of memory", "--nodes", "2", "--mem", "99999999"),
    "no_descriptors": lambda: impossible("open files", "--nodes", "16", limits="ulimit -n 100;"),
    "stale_socket": stale_socket,
}

SUITES = {
    "input": BAD_INPUT,
    "exact": {"exact": exact, "cpu_model": cpu_model, "capture": capture, "hosts": hosts,
              "splat": splat},
    "determinism": {"determinism": determinism},
    "incast": {"incast": incast, "incast_overflows": incast_overflows},
    "ecn": {"ecn": ecn},
    "reliability": {name: lambda name=name: reliability(name) for name in IMPAIRED},
}


# Kernel, seconds until a run counts as hung, suites; full: runs only when asked for.
Guest = collections.namedtuple("Guest", "kernel timeout suites full")
GUESTS = {
    "sim": Guest("sim-6.12", 900, list(SUITES), False),
    "simdebug": Guest("sim-debug", 7200, ["exact", "determinism", "incast", "reliability"], True),
}


def names(full=False):
    """The suites' names; @full: those of slow kernels, too."""
    return [f"vm/{name}/{suite}" for name, guest in GUESTS.items() if full or not guest.full
            for suite in guest.suites]


def prepare(guest):
    """Why the cluster cannot run, or ""."""
    missing = [str(path) for path in [*PROGRAMS.values(), HOMASCOPE] if not path.exists()]
    if missing:
        return f"not built: {' '.join(missing)}; run: make user"
    out, kernel = LOGS / guest, GUESTS[guest].kernel
    out.mkdir(parents=True, exist_ok=True)
    for step in ("kernel", "kmods"):
        done = subprocess.run(["testbed/vm", step, kernel], cwd=TOP, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        (out / f"{step}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            return f"{step} {kernel} failed ({out / step}.log)"
    return ""


def run(name):
    """Yields (case, why it failed or "") of one suite."""
    _, Cluster.guest, suite = name.split("/")
    problem = prepare(Cluster.guest)
    if problem:
        yield "prepare", problem
        return
    for case, test in SUITES[suite].items():
        try:
            test()
            yield case, ""
        except Failure as failure:
            yield case, str(failure)
