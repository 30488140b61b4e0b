"""Write so many jobs to the file: ``python send.py COUNT``."""

import json
import os
import sqlite3
import sys

count = int(sys.argv[1])
path = os.path.join(os.environ["SCRATCH"], "fake.sqlite")
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA synchronous = OFF")
db.execute("PRAGMA journal_mode = WAL")
db.execute(
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, kwargs TEXT, state TEXT DEFAULT 'queued', result)"
)
db.execute("CREATE INDEX jobs_by_state ON jobs (state)")
for n in range(count):
    db.execute("INSERT INTO jobs (kwargs) VALUES (?)", (json.dumps({"x": n, "y": n}),))
print(f"sent {count}", flush=True)
sys.stdin.read()
