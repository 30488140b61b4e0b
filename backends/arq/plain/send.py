"""Enqueue so many jobs and stay connected, as a caller would: ``python send.py COUNT``."""

import asyncio
import sys

from arq import create_pool
from worker import WorkerSettings


async def main(count):
    redis = await create_pool(WorkerSettings.redis_settings)
    jobs = [await redis.enqueue_job("add", x=n, y=n) for n in range(count)]
    print(f"sent {len(jobs)}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main(int(sys.argv[1])))
