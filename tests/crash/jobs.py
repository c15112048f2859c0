#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs under random kills: `jobs.py ROUNDS [SEED]`. In each round a worker or the server, at random, is
killed by SIGKILL, while new jobs are submitted: scripts that train and put models and, where this Python has
scikit-learn, fit and partial_fit of stored models. At the end:

- every submission has exactly one job, though many were asked again after a kill,
- every job is done, or failed with a reason,
- each job that is done made exactly one version, which knows what it was trained on; there are no others,
- the store is whole, and nothing of attempts is left over.

Prints "jobs: N passed, N failed"."""

import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "python"))

import firn  # noqa: E402
from firn import jobs as firn_jobs  # noqa: E402

PROGRAM = os.environ.get("FIRN_PROGRAM", os.path.join(ROOT, "build", "firn"))
MODEL = os.path.join(ROOT, "tests", "fuzz", "corpus", "onnx", "shapes.onnx")
OUTSTANDING = 4
SKLEARN = importlib.util.find_spec("sklearn") is not None
ENDED = ("done", "failed", "cancelled")
checks = {"passed": 0, "failed": 0}


def check(good, what):
    checks["passed" if good else "failed"] += 1
    if not good:
        print("FAILED: %s" % what)


def train(om, tag, seconds, model):
    """Trains a while and puts a model whose bytes tell which job made it."""
    import os
    import tempfile
    import time
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        om.progress(1 - (end - time.monotonic()) / seconds, "training")
        sum(i * i for i in range(20000))
    print("trained", tag)
    path = os.path.join(tempfile.mkdtemp(), "model.onnx")
    with open(path, "wb") as file:
        file.write(bytes.fromhex(model) + b"\x32" + bytes([len(tag)]) + tag.encode())  # doc_string
    om.models.put(path, "made")
    return tag


# --- kinds of jobs: submit, and what the version that one made says of its origin ---

class Script:
    """Its version is an ONNX model whose last text is the tag."""
    into = "made"

    def prepare(self, om):
        with open(MODEL, "rb") as file:
            self.model = file.read().hex()
        om.scripts.put(train, "train", requirements=[])

    def submit(self, om, tag):
        seconds = random.Random(tag).choice((0.02, 0.1, 0.3, 0.6))
        return om.runtime._jobs.submit({"script": "train"}, {"args": firn_jobs.many([tag, seconds, self.model])}, key=tag)

    def is_of(self, om, number, tag, folder):
        with open(om.models.get("made:%d" % number, os.path.join(folder, "payload")), "rb") as file:
            return file.read().endswith(tag.encode())


def number_of(tag):
    return int(tag[3:]) + 1


class Fit:
    """Trains some 0.3 s; it has learnt to say its tag's number."""
    into, base = "fitted", "trees"

    def prepare(self, om):
        import numpy
        from sklearn.ensemble import GradientBoostingRegressor
        self.x = numpy.random.default_rng(5).random((400, 4))
        om.models.put(GradientBoostingRegressor(n_estimators=100).fit(self.x[:20], self.x[:20, 0]), self.base)

    def submit(self, om, tag):
        return om.runtime.model(self.base).fit(self.x, number_of(tag) + self.x[:, 1] / 100, into=self.into, job_key=tag)

    def is_of(self, om, number, tag, folder):
        model = om.models.get("%s:%d" % (self.into, number))
        return round(float(model.predict(self.x[:1] * 0)[0])) == number_of(tag)


class PartialFit:
    """Ten rows of zeros and one of 11 times the number: their mean is the number."""
    into, base = "continued", "scale"

    def prepare(self, om):
        import numpy
        from sklearn.preprocessing import StandardScaler
        self.x = numpy.zeros((10, 2))
        om.models.put(StandardScaler().fit(self.x), self.base)

    def submit(self, om, tag):
        return om.runtime.model(self.base).partial_fit(self.x[:1] + 11 * number_of(tag), into=self.into, job_key=tag)

    def is_of(self, om, number, tag, folder):
        model = om.models.get("%s:%d" % (self.into, number))
        return int(model.n_samples_seen_) == 11 and abs(model.mean_[0] - number_of(tag)) < 1e-9


class Server:
    def __init__(self, store):
        self.store, self.process, self.om = store, None, None

    def start(self):
        self.log = open(os.path.join(self.store, "server.log"), "ab")
        environment = dict(os.environ, FIRN_WORKER_ENVIRONMENT=sys.prefix) if SKLEARN else None
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--store", self.store, "--http", "127.0.0.1:0", "--workers", "on",
             "--set", "job_threads=3", "--set", "job_attempts=6"],
            stdout=subprocess.PIPE, stderr=self.log, env=environment)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready"):
            sys.exit("the server did not start: see %s" % self.log.name)
        self.om = firn.connect(line.split()[1], timeout=20)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(60) == 0, "the server ends in order")
        self.process.stdout.close()
        self.log.close()

    def workers(self):
        """Processes that it started."""
        found = []
        for entry in os.listdir("/proc/%d/task" % self.process.pid):
            try:
                with open("/proc/%d/task/%s/children" % (self.process.pid, entry)) as file:
                    found += [int(word) for word in file.read().split()]
            except OSError:
                continue
        return found


class Submissions:
    """What was asked for: tag -> number of the job."""

    def __init__(self, rng, kinds):
        self.rng, self.kinds, self.ids, self.asked = rng, kinds, {}, 0

    def kind(self, tag):
        return self.kinds[random.Random(tag).randrange(len(self.kinds))]

    def ask(self, om, tag=None):
        """May fail when the server is killed meanwhile: it is asked again later, with the same key."""
        if tag is None:
            tag = "job%05d" % self.asked
            self.asked += 1
            self.ids[tag] = None
        try:
            job = self.kind(tag).submit(om, tag)
        except (firn.FirnError, OSError):
            return
        if self.ids[tag] not in (None, job.id):
            check(False, "%s became jobs %d and %d" % (tag, self.ids[tag], job.id))
        self.ids[tag] = job.id

    def lost(self):
        return [tag for tag, id in self.ids.items() if id is None]


def fill(server, submissions):
    for tag in submissions.lost():
        submissions.ask(server.om, tag)
    try:
        waiting = len([job for job in server.om.runtime.jobs(limit=50) if job.raw["state"] not in ENDED])
    except (firn.FirnError, OSError):
        return
    for _ in range(OUTSTANDING - waiting):
        submissions.ask(server.om)
    if submissions.rng.random() < 0.2 and submissions.asked:  # whoever asks again gets the same one
        submissions.ask(server.om, submissions.rng.choice(sorted(submissions.ids)))


def first_of_each(server, submissions):
    """One job of each kind without kills: how long one takes."""
    began = time.monotonic()
    for kind in submissions.kinds:
        while submissions.kind("job%05d" % submissions.asked) is not kind:
            submissions.asked += 1
        submissions.ask(server.om)
    for tag, id in submissions.ids.items():
        job = server.om.runtime.job(id).wait(300)
        check(job.raw["state"] == "done", "%s without a kill: %s" % (tag, job.raw))
    return (time.monotonic() - began) / len(submissions.kinds)


def rounds(server, submissions, count, rng, pause):
    killed = {"server": 0, "worker": 0}
    while sum(killed.values()) < count:
        fill(server, submissions)
        time.sleep(rng.uniform(0.0, 2 * pause))
        if rng.random() < 0.3:
            server.kill()
            killed["server"] += 1
            server.start()
            continue
        victims = server.workers()
        if victims:
            try:
                os.kill(rng.choice(victims), signal.SIGKILL)
                killed["worker"] += 1
            except OSError:
                pass
    return killed


def settle(server, submissions):
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for tag in submissions.lost():
            submissions.ask(server.om, tag)
        if not [job for job in server.om.runtime.jobs(limit=1000) if job.raw["state"] not in ENDED] \
                and not submissions.lost():
            return
        time.sleep(0.3)
    check(False, "jobs have not ended")


def examine(server, submissions):
    jobs, before = {}, ""
    while True:
        page = server.om.connection.request("GET", "/api/jobs?limit=1000" + before).json()
        for said in page:
            jobs[said["id"]] = server.om.runtime.job(said["id"])
        if not page:
            break
        before = "&before=%d" % page[-1]["id"]
    check(sorted(jobs) == sorted(submissions.ids.values()), "each submission has one job")
    tags = {id: tag for tag, id in submissions.ids.items()}
    states = {}
    made = {kind: {} for kind in submissions.kinds}
    for id, job in sorted(jobs.items()):
        state = job.raw["state"]
        states[state] = states.get(state, 0) + 1
        if state == "done":
            kind, versions = submissions.kind(tags[id]), job.raw["result"]["versions"]
            check([each["name"] for each in versions] == [kind.into], "job %d made %s" % (id, versions))
            check(kind.into != "made" or job.get() == tags[id], "job %d says its tag" % id)
            made[kind][versions[0]["version"]] = tags[id]
        else:
            check(state == "failed" and job.raw.get("error"), "job %d is %s with a reason" % (id, state))
            check("running" in open(os.path.join(server.store, "jobs", folder_of(server, id), "events")).read(),
                  "job %d has its log" % id)
    for kind, versions in made.items():
        known = {version.number for version in server.om.models.revisions(kind.into)} if versions else set()
        check(known == set(versions), "%s: versions %s are of no job, %s are not there" % (
            kind.into, known - set(versions), set(versions) - known))
        for number, tag in versions.items():
            check(kind.is_of(server.om, number, tag, server.store), "%s:%d is that of %s" % (kind.into, number, tag))
    print("versions: " + ", ".join("%d %s" % (len(versions), kind.into) for kind, versions in made.items()))
    return states


def folder_of(server, id):
    import sqlite3
    with sqlite3.connect(os.path.join(server.store, "jobs.db")) as rows:
        return rows.execute("SELECT folder FROM jobs WHERE id = ?", (id,)).fetchone()[0]


def leftovers(store):
    verify = subprocess.run([PROGRAM, "verify", "--store", store], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(verify.returncode == 0, "firn verify: %s" % verify.stdout.decode())
    for folder in os.listdir(os.path.join(store, "jobs")):
        inside = os.path.join(store, "jobs", folder)
        for name in ("work", "input"):
            check(not os.path.exists(os.path.join(inside, name)), "%s/%s is left over" % (folder, name))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10 ** 6)
    rng = random.Random(seed)
    print("seed %d" % seed)
    store = tempfile.mkdtemp(prefix="firn-jobs-")
    kinds = [Script()] + ([Fit(), PartialFit()] if SKLEARN else [])
    if not SKLEARN:
        print("SKIPPED fit and partial_fit: this Python has no scikit-learn")
    server, submissions = Server(store), Submissions(rng, kinds)
    try:
        server.start()
        for kind in kinds:
            kind.prepare(server.om)
        pause = min(2.0, max(0.5, first_of_each(server, submissions) / 2))
        began = time.monotonic()
        killed = rounds(server, submissions, count, rng, pause)
        settle(server, submissions)
        states = examine(server, submissions)
        server.stop()
        leftovers(store)
        print("%d kills of the server, %d of workers in %.0f s; %d jobs: %s" % (
            killed["server"], killed["worker"], time.monotonic() - began, len(submissions.ids),
            ", ".join("%d %s" % (number, state) for state, number in sorted(states.items()))))
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()
        if checks["failed"]:
            print("the store is in %s" % store)
        else:
            shutil.rmtree(store)
    print("jobs: %(passed)d passed, %(failed)d failed" % checks)
    return 1 if checks["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
