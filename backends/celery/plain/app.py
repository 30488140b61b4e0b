"""A Celery program as its user writes it: ``celery -A app worker``."""

import os

from celery import Celery

app = Celery("app", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, result_expires=3600)


@app.task
def add(x, y):
    return x + y
