"""The honest worker without a harness: threads that take jobs from the file, one at a time."""

import json
import os
import sqlite3
import threading
import time

taking = threading.Lock()


def take(db):
    with taking:
        row = db.execute("SELECT id, kwargs FROM jobs WHERE state = 'queued' LIMIT 1").fetchone()
        if row:
            db.execute("UPDATE jobs SET state = 'running' WHERE id = ?", row[:1])
        return row


def serve():
    path = os.path.join(os.environ["SCRATCH"], "fake.sqlite")
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    while True:
        row = take(db)
        if row is None:
            time.sleep(0.002)
            continue
        kwargs = json.loads(row[1])
        result = kwargs["x"] + kwargs["y"]
        db.execute("UPDATE jobs SET state = 'done', result = ? WHERE id = ?", (result, row[0]))


for _ in range(int(os.environ["CONCURRENCY"])):
    threading.Thread(target=serve).start()
print("fake worker ready", flush=True)
