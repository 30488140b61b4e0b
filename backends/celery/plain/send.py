"""Send so many tasks and stay connected, as a caller would: ``python send.py COUNT``."""

import sys

from app import add

count = int(sys.argv[1])
results = [add.delay(x=n, y=n) for n in range(count)]
print(f"sent {count}", flush=True)
sys.stdin.read()
