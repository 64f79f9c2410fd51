import base64

from google.rpc import error_details_pb2, status_pb2

from gateway_service.replies import EDGE_ERRORS, local_replies


def _padded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


def test_every_error_speaks_both_languages_and_says_what_to_do():
    for error in EDGE_ERRORS:
        assert error.message.en != error.message.id
        assert error.remedy.en
        assert error.remedy.id


def test_every_status_from_400_has_an_answer():
    unconditional = [error for error in EDGE_ERRORS if error.when is None]
    for status in range(400, 600):
        assert any(low <= status <= high for low, high in (error.statuses for error in unconditional)), status


def test_grpc_answers_carry_the_reason_in_their_details():
    mappers = [mapper for mapper in local_replies()["mappers"] if "headers_to_add" in mapper]
    assert len(mappers) == 2 * len(EDGE_ERRORS)
    headers = {each["header"]["key"]: each["header"]["value"] for each in mappers[0]["headers_to_add"]}
    status = status_pb2.Status.FromString(_padded(headers["grpc-status-details-bin"]))
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    assert (str(status.code), info.reason) == (headers["grpc-status"], EDGE_ERRORS[0].reason)
