"""The single Celery application and its settings."""

from __future__ import annotations

import logging

from backends.kit.settings import namespace, option, redis_url, require_installed

require_installed("celery")

from celery import Celery  # noqa: E402  (only after the check above)
from celery.signals import worker_ready  # noqa: E402

_prefix = {"global_keyprefix": f"{namespace()}:"} if namespace() else {}

app = Celery("bench", broker=redis_url(), backend=redis_url())
app.conf.update(
    imports=["backends.celery.tasks"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_connection_retry_on_startup=True,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    result_expires=3600,
    broker_transport_options=_prefix,
    result_backend_transport_options=_prefix,
)

if option("warning-log"):
    # The line that says that a worker is ready is logged at INFO: it must not be missed.
    @worker_ready.connect
    def _tell(sender, **_):
        logging.getLogger("celery.worker").warning("%s ready.", sender.hostname)


if option("winloop"):
    app.IS_WINDOWS = True

if option("early-ack"):
    app.conf.update(task_acks_late=False, task_reject_on_worker_lost=False)

if option("no-results"):
    app.conf.task_ignore_result = True

for _multiplier in (1, 16, 64):
    if option(f"prefetch-{_multiplier}"):
        app.conf.worker_prefetch_multiplier = _multiplier
