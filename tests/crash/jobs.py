#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs under random kills: `jobs.py ROUNDS [SEED]`. In each round a worker or the server, at random, is
killed by SIGKILL, while jobs train and put models and new ones are submitted. At the end:

- every submission has exactly one job, though many were asked again after a kill,
- every job is done, or failed with a reason,
- each job that is done made exactly one version, with its own bytes; there are no others,
- the store is whole, and nothing of attempts is left over.

Prints "jobs: N passed, N failed"."""

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


class Server:
    def __init__(self, store):
        self.store, self.process, self.om = store, None, None

    def start(self):
        self.log = open(os.path.join(self.store, "server.log"), "ab")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--store", self.store, "--http", "127.0.0.1:0", "--workers", "on",
             "--set", "job_threads=3", "--set", "job_attempts=6"], stdout=subprocess.PIPE, stderr=self.log)
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

    def __init__(self, rng):
        self.rng, self.ids, self.asked = rng, {}, 0
        with open(MODEL, "rb") as file:
            self.model = file.read().hex()

    def ask(self, om, tag=None):
        """May fail when the server is killed meanwhile: it is asked again later, with the same key."""
        if tag is None:
            tag = "job%05d" % self.asked
            self.asked += 1
            self.ids[tag] = None
        seconds = random.Random(tag).choice((0.02, 0.1, 0.3, 0.6))
        try:
            job = om._jobs_for_test.submit({"script": "train"}, {"args": firn_jobs.many(
                [tag, seconds, self.model])}, key=tag)
        except (firn.FirnError, OSError):
            return
        if self.ids[tag] not in (None, job.id):
            check(False, "%s became jobs %d and %d" % (tag, self.ids[tag], job.id))
        self.ids[tag] = job.id

    def lost(self):
        return [tag for tag, id in self.ids.items() if id is None]


def ready(server):
    server.start()
    server.om._jobs_for_test = server.om.runtime._jobs


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
        submissions.ask(server.om, "job%05d" % submissions.rng.randrange(submissions.asked))


def rounds(server, submissions, count, rng):
    killed = {"server": 0, "worker": 0}
    while sum(killed.values()) < count:
        fill(server, submissions)
        time.sleep(rng.uniform(0.0, 1.0))
        if rng.random() < 0.3:
            server.kill()
            killed["server"] += 1
            ready(server)
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
    made = {}
    for id, job in sorted(jobs.items()):
        state = job.raw["state"]
        states[state] = states.get(state, 0) + 1
        if state == "done":
            versions = job.raw["result"]["versions"]
            check(len(versions) == 1 and job.get() == tags.get(id), "job %d made one version" % id)
            made[versions[0]["version"]] = tags.get(id)
        else:
            check(state == "failed" and job.raw.get("error"), "job %d is %s with a reason" % (id, state))
            check("running" in open(os.path.join(server.store, "jobs", folder_of(server, id), "events")).read(),
                  "job %d has its log" % id)
    known = {version.number for version in server.om.models.revisions("made")} if made else set()
    check(known == set(made), "versions %s are of no job, %s are not there" % (known - set(made), set(made) - known))
    for number, tag in made.items():
        path = server.om.models.get("made:%d" % number, os.path.join(server.store, "payload"))
        with open(path, "rb") as file:
            check(file.read().endswith(tag.encode()), "version %d is that of %s" % (number, tag))
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
    server, submissions = Server(store), Submissions(rng)
    try:
        ready(server)
        server.om.scripts.put(train, "train", requirements=[])
        first = server.om.runtime._jobs.submit({"script": "train"}, {"args": firn_jobs.many(
            ["first", 0.01, submissions.model])}, key="first")
        check(first.get() == "first", "the first job, which installs the environment")
        submissions.ids["first"] = first.id
        began = time.monotonic()
        killed = rounds(server, submissions, count, rng)
        settle(server, submissions)
        states = examine(server, submissions)
        server.stop()
        leftovers(store)
        print("%d kills of the server, %d of workers in %.0f s; %d jobs: %s" % (
            killed["server"], killed["worker"], time.monotonic() - began, submissions.asked,
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
