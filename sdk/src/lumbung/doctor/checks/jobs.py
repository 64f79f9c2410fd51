"""In a cluster: set-up jobs that fail say why in their last line (a refused bucket, a database that is not there)."""

from collections.abc import Iterator

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_jobs"]


def check_jobs(site: Site) -> Iterator[Finding]:
    """Jobs that are not done and have failed at least once, with their own words."""
    if site.cluster is None:
        return
    pods = None
    for job in site.cluster.objects("jobs"):
        name = job["metadata"]["name"]
        if job["status"].get("succeeded"):
            continue
        pods = site.cluster.objects("pods") if pods is None else pods
        own = [pod for pod in pods if pod["metadata"].get("labels", {}).get("job-name") == name]
        restarted = any(
            container["restartCount"]
            for pod in own
            for container in pod["status"].get("containerStatuses", [])
        )
        if not (restarted or job["status"].get("failed")):
            continue
        words = next((said for pod in own if (said := site.cluster.last_words(pod["metadata"]["name"]))), "")
        words = words or "; ".join(
            entry.get("message", "")
            for entry in job["status"].get("conditions", [])
            if entry["type"] == "Failed"
        )
        yield Finding(
            "job_failed",
            f"job/{name}",
            (f"The job fails: {words}", f"Job gagal: {words}"),
            (
                "Mend what it names; `helm upgrade` with the same values runs it again.",
                "Perbaiki yang disebut; `helm upgrade` dengan nilai yang sama menjalankannya lagi.",
            ),
        )
