import pytest

from lumbung.inference.v1 import model_service_pb2 as models
from lumbung.ingest.v1 import submission_service_pb2 as submissions
from lumbung.ingest.v1 import upload_service_pb2 as uploads
from servicekit.errors import InvalidArgumentError
from servicekit.server.required import check_required


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (submissions.GetSubmissionRequest(), "name"),
        (uploads.CreateUploadRequest(), "upload"),
        (uploads.CreateUploadRequest(upload=uploads.Upload(file_name="a")), "upload.dataset"),
        (uploads.WriteUploadRequest(name="uploads/a"), "data"),
        (
            models.RegisterModelVersionRequest(
                head=models.RegisterModelVersionRequest.Head(parent="models/m")
            ),
            "head.model_version",
        ),
    ],
)
def test_the_first_missing_field_is_named_with_its_path(request_, field):
    with pytest.raises(InvalidArgumentError) as caught:
        check_required(request_)
    assert caught.value.field == field
    assert field in caught.value.sentence("id")


def test_a_complete_request_passes():
    check_required(submissions.GetSubmissionRequest(name="submissions/a"))
    # a scalar has the shape []: what stands in a list is left to the use case
    spec = models.TensorSpec(name="x", datatype="FP32")
    check_required(
        models.RegisterModelVersionRequest(
            head=models.RegisterModelVersionRequest.Head(
                parent="models/m", model_version=models.ModelVersion(inputs=[spec])
            )
        )
    )
