"""Run a job of Dagster whose logs are kept in S3, read them back,
and print the download links of the page.
"""

import json
import sys
import tempfile

import dagster as dg

settings = {"bucket": sys.argv[1], "prefix": "dagster", "local_dir": tempfile.mkdtemp()}
where = {
    "module": "dagster_aws.s3.compute_log_manager",
    "class": "S3ComputeLogManager",
    "config": settings,
}


@dg.op
def speak() -> None:
    print("a line for standard output")


@dg.job
def talk() -> None:
    speak()


home = tempfile.mkdtemp()
with dg.DagsterInstance.local_temp(home, overrides={"compute_logs": where}) as instance:
    run = talk.execute_in_process(instance=instance, run_id=None)
    manager = instance.compute_log_manager
    logged = instance.all_logs(run.run_id)
    [event] = [
        each for each in logged if each.dagster_event_type == dg.DagsterEventType.LOGS_CAPTURED
    ]
    key = manager.build_log_key_for_run(run.run_id, event.dagster_event.logs_captured_data.file_key)
    assert b"a line for" in manager.get_log_data(key).stdout
    shown = manager.get_log_metadata(key)
print(json.dumps({"get": [shown.stdout_download_url, shown.stderr_download_url]}))
