"""Send so many messages and stay connected, as a caller would: ``python send.py COUNT``."""

import sys

from tasks import add

count = int(sys.argv[1])
messages = [add.send(x=n, y=n) for n in range(count)]
print(f"sent {count}", flush=True)
sys.stdin.read()
